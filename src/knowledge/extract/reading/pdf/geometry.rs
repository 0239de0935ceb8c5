//! Places on a page.

/// A map of places: `x' = ax + cy + e`, `y' = bx + dy + f`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix {
    pub a: f32,
    pub b: f32,
    pub c: f32,
    pub d: f32,
    pub e: f32,
    pub f: f32,
}

impl Matrix {
    pub const UNIT: Self = Self { a: 1.0, b: 0.0, c: 0.0, d: 1.0, e: 0.0, f: 0.0 };

    pub const fn new(of: [f32; 6]) -> Self {
        Self { a: of[0], b: of[1], c: of[2], d: of[3], e: of[4], f: of[5] }
    }

    pub fn of(numbers: &[f32]) -> Option<Self> {
        let numbers: [f32; 6] = numbers.get(..6)?.try_into().ok()?;
        Some(Self::new(numbers))
    }

    /// First `self`, then `next`.
    pub fn then(self, next: Self) -> Self {
        Self {
            a: self.a * next.a + self.b * next.c,
            b: self.a * next.b + self.b * next.d,
            c: self.c * next.a + self.d * next.c,
            d: self.c * next.b + self.d * next.d,
            e: self.e * next.a + self.f * next.c + next.e,
            f: self.e * next.b + self.f * next.d + next.f,
        }
    }

    pub fn apply(self, x: f32, y: f32) -> (f32, f32) {
        (self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f)
    }

    /// The smallest box around a box that is mapped.
    pub fn bounds(self, bounds: Bounds) -> Bounds {
        let corners = [
            self.apply(bounds.x0, bounds.y0),
            self.apply(bounds.x1, bounds.y0),
            self.apply(bounds.x0, bounds.y1),
            self.apply(bounds.x1, bounds.y1),
        ];
        corners.into_iter().fold(Bounds::NOTHING, |bounds, (x, y)| bounds.with(x, y))
    }
}

/// A box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub x0: f32,
    pub y0: f32,
    pub x1: f32,
    pub y1: f32,
}

impl Bounds {
    pub const NOTHING: Self = Self { x0: f32::MAX, y0: f32::MAX, x1: f32::MIN, y1: f32::MIN };

    /// The box between two corners.
    pub const fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self { x0: x0.min(x1), y0: y0.min(y1), x1: x0.max(x1), y1: y0.max(y1) }
    }

    pub const fn with(self, x: f32, y: f32) -> Self {
        Self { x0: self.x0.min(x), y0: self.y0.min(y), x1: self.x1.max(x), y1: self.y1.max(y) }
    }

    pub const fn cut(self, other: Self) -> Self {
        Self {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
    }

    pub fn width(self) -> f32 {
        (self.x1 - self.x0).max(0.0)
    }

    pub fn height(self) -> f32 {
        (self.y1 - self.y0).max(0.0)
    }

    pub fn holds(self, x: f32, y: f32) -> bool {
        (self.x0..=self.x1).contains(&x) && (self.y0..=self.y1).contains(&y)
    }

    /// Whether a place is farther from the box than `margin`.
    pub fn is_off(self, x: f32, y: f32, margin: f32) -> bool {
        x < self.x0 - margin || x > self.x1 + margin || y < self.y0 - margin || y > self.y1 + margin
    }
}
