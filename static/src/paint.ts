// Draws what uPlot has no notion of: windows, days, the seam, the present, highest and lowest price.
import type uPlot from "uplot";
import type { ChartData, Slot, View } from "./chart-data";

/** Colours and face as the tokens give them at this moment. */
export interface Palette {
  ink: string;
  ink2: string;
  rule: string;
  surface: string;
  window: string;
  level: string;
  price: string;
  forecast: string;
  band80: string;
  band50: string;
  face: string;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ink: token("--ink"),
    ink2: token("--ink-2"),
    rule: token("--rule"),
    surface: token("--surface"),
    window: token("--level-1-tint"),
    level: token("--level-1"),
    price: token("--series-price"),
    forecast: token("--series-forecast"),
    band80: token("--band-80"),
    band50: token("--band-50"),
    face: getComputedStyle(document.body).fontFamily,
  };
}

/** Diagonal hatch in a colour, made once per theme and pixel ratio. */
export function makeHatch(color: string, ratio: number): CanvasPattern | null {
  const size = Math.round(8 * ratio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  if (!pen) return null;
  pen.strokeStyle = color;
  pen.globalAlpha = 0.4;
  pen.lineWidth = ratio;
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
  }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

export interface Scene {
  data: ChartData;
  view: View;
  palette: Palette;
  /** Of cheap windows. */
  hatch: CanvasPattern | null;
  /** Of simulated values. */
  simulated: CanvasPattern | null;
}

const px = (u: uPlot): number => u.width > 0 ? u.ctx.canvas.width / u.width : 1;

const touches = (slot: Slot, view: View): boolean => slot.to > view.from && slot.from < view.to;

/** Where a label of a mark stands: inside the plot, and on the far side of the upright lines. */
function markAlign(x: number, uprights: number[], left: number, width: number): CanvasTextAlign {
  if (x < left + 0.04 * width) return "left";
  if (x > left + 0.96 * width) return "right";
  const near = uprights.find((line) => Math.abs(x - line) < 0.06 * width);
  if (near === undefined) return "center";
  return x >= near ? "left" : "right";
}

/** Steps of the slots that pass `choose`, never joined across a gap or a change of kind. */
export function stepPath(u: uPlot, slots: Slot[], view: View, choose: (slot: Slot) => boolean): Path2D {
  const path = new Path2D();
  let pen = Number.NaN;
  for (const slot of slots) {
    if (!touches(slot, view) || !choose(slot)) continue;
    const y = u.valToPos(slot.price, "y", true);
    const x = u.valToPos(slot.from, "x", true);
    if (pen === slot.from) path.lineTo(x, y);
    else path.moveTo(x, y);
    path.lineTo(u.valToPos(slot.to, "x", true), y);
    pen = slot.to;
  }
  return path;
}

/** Area between the ends of a band, stepped like the lines. */
export function bandPath(u: uPlot, slots: Slot[], band: "band80" | "band50"): Path2D {
  const path = new Path2D();
  for (const slot of slots) {
    const ends = slot[band];
    if (!ends) continue;
    const x = Math.round(u.valToPos(slot.from, "x", true));
    const top = u.valToPos(ends[1], "y", true);
    const width = Math.round(u.valToPos(slot.to, "x", true)) - x;
    path.rect(x, top, width, u.valToPos(ends[0], "y", true) - top);
  }
  return path;
}

function clipped(u: uPlot, draw: (pen: CanvasRenderingContext2D) => void): void {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, width, height);
  u.ctx.clip();
  draw(u.ctx);
  u.ctx.restore();
}

function text(u: uPlot, scene: Scene, words: string, x: number, y: number, options: {
  align?: CanvasTextAlign; color?: string; weight?: number; halo?: boolean;
}): void {
  const pen = u.ctx;
  const ratio = px(u);
  pen.save();
  pen.font = `${options.weight ?? 400} ${12 * ratio}px ${scene.palette.face}`;
  pen.textAlign = options.align ?? "center";
  pen.textBaseline = "alphabetic";
  if (options.halo) {
    pen.lineJoin = "round";
    pen.lineWidth = 3 * ratio;
    pen.strokeStyle = scene.palette.surface;
    pen.strokeText(words, x, y);
  }
  pen.fillStyle = options.color ?? scene.palette.ink2;
  pen.fillText(words, x, y);
  pen.restore();
}

function line(u: uPlot, x1: number, y1: number, x2: number, y2: number, color: string, width: number, dash: number[] = []): void {
  const pen = u.ctx;
  const ratio = px(u);
  pen.save();
  pen.strokeStyle = color;
  pen.lineWidth = width * ratio;
  pen.setLineDash(dash.map((part) => part * ratio));
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
  pen.restore();
}

/** Behind the lines: hairlines, days, windows. */
export function paintGround(u: uPlot, scene: Scene): void {
  const { left, top, width, height } = u.bbox;
  const { data, view, palette } = scene;
  const ratio = px(u);
  const bottom = top + height;
  for (const tick of view.ticks) {
    const y = Math.round(u.valToPos(tick.value, "y", true));
    const zero = tick.value === 0;
    line(u, left, y, left + width, y, zero ? palette.ink2 : palette.rule, zero ? 1.5 : 1);
    text(u, scene, tick.label, left - 6 * ratio, y + 4 * ratio, { align: "right" });
  }
  text(u, scene, data.unit, left - 36 * ratio, top - 14 * ratio, { align: "left" });
  for (const day of data.days) {
    if (day.from < view.from || day.from >= view.to) continue;
    const x = Math.round(u.valToPos(day.from, "x", true));
    line(u, x, top, x, bottom, palette.rule, 1);
  }
  clipped(u, (pen) => {
    for (const span of data.windows) {
      const x = u.valToPos(span.from, "x", true);
      const wide = u.valToPos(span.to, "x", true) - x;
      pen.fillStyle = palette.window;
      pen.fillRect(x, top, wide, height);
      if (scene.hatch) {
        pen.fillStyle = scene.hatch;
        pen.fillRect(x, top, wide, height);
      }
      pen.fillStyle = palette.level;
      pen.fillRect(x, bottom - 4 * ratio, wide, 4 * ratio);
    }
    if (!scene.simulated) return;
    pen.fillStyle = scene.simulated;
    const zero = u.valToPos(Math.max(view.low, 0), "y", true);
    for (const slot of data.slots) {
      if (!slot.simulated || slot.forecast || !touches(slot, view)) continue;
      const x = u.valToPos(slot.from, "x", true);
      pen.fillRect(x, zero, u.valToPos(slot.to, "x", true) - x, u.valToPos(slot.price, "y", true) - zero);
    }
  });
}

/** Over the lines: numbers of windows, seam, present, marks, labels of the days. */
export function paintFront(u: uPlot, scene: Scene): void {
  const { left, top, width, height } = u.bbox;
  const { data, view, palette } = scene;
  const ratio = px(u);
  const bottom = top + height;
  const place = (at: number): number => u.valToPos(at, "x", true);
  const shown = (at: number): boolean => view.from <= at && at < view.to;
  for (const span of data.windows) {
    const from = Math.max(span.from, view.from);
    const to = Math.min(span.to, view.to);
    if (from < to) {
      text(u, scene, String(span.number), place((from + to) / 2), top + 14 * ratio, { color: palette.level, weight: 620 });
    }
  }
  const upright = (at: number, label: string, color: string, wide: number, dash: number[], weight: number, y: number): void => {
    const x = place(at);
    const late = x > left + 0.85 * width;
    line(u, x, top - 18 * ratio, x, bottom, color, wide, dash);
    text(u, scene, label, x + (late ? -4 : 4) * ratio, y - 10 * ratio, { align: late ? "right" : "left", color, weight, halo: true });
  };
  if (data.seam !== null && shown(data.seam)) {
    // Close to the present the two words would lie over each other at the top.
    const crowded = Math.abs(place(data.seam) - place(data.now)) < 0.25 * width;
    upright(data.seam, data.seam_label, palette.ink2, 1, [4, 3], 400, crowded ? bottom : top);
  }
  const uprights = [data.now, ...(data.seam === null ? [] : [data.seam])].map(place);
  for (const mark of view.marks) {
    const [x, y] = [place(mark.at), u.valToPos(mark.value, "y", true)];
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.arc(x, y, 3 * ratio, 0, 2 * Math.PI);
    u.ctx.fillStyle = palette.surface;
    u.ctx.fill();
    u.ctx.strokeStyle = palette.price;
    u.ctx.lineWidth = 2 * ratio;
    u.ctx.stroke();
    u.ctx.restore();
    const align = markAlign(x, uprights, left, width);
    text(u, scene, mark.label, x, y + (mark.below ? 18 : -9) * ratio, { align, color: palette.ink, weight: 500, halo: true });
  }
  paintDays(u, scene);
  if (shown(data.now)) upright(data.now, data.now_label, palette.ink, 2, [], 620, top);
}

function paintDays(u: uPlot, scene: Scene): void {
  const { left, top, width, height } = u.bbox;
  const { data, view, palette } = scene;
  const ratio = px(u);
  const bottom = top + height;
  const narrow = u.width < 640;
  const hourly = view.hours.length > 0;
  for (const hour of view.hours) {
    const x = u.valToPos(hour.at, "x", true);
    line(u, x, bottom, x, bottom + 4 * ratio, palette.rule, 1);
    const align = x < left + 0.04 * width ? "left" : x > left + 0.96 * width ? "right" : "center";
    text(u, scene, hour.label, x, bottom + 17 * ratio, { align });
  }
  for (const day of data.days) {
    const from = Math.max(u.valToPos(day.from, "x", true), left);
    const to = Math.min(u.valToPos(day.to, "x", true), left + width);
    if (to - from < 0.04 * width) continue;
    const middle = (from + to) / 2;
    const row = bottom + (hourly ? 35 : 17) * ratio;
    text(u, scene, day.weekday, middle, row, { color: palette.ink, weight: 500 });
    text(u, scene, narrow && !hourly ? day.tiny : day.date, middle, row + 16 * ratio, {});
    if (day.note) text(u, scene, day.note, middle, row + 33 * ratio, { color: palette.ink, weight: 620 });
  }
}
