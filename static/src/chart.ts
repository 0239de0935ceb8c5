// The price chart: a canvas in place of the server's drawing, and a slider that reads it out.
import uPlot from "uplot";
import { type ChartData, type View, readChartData, slotAt } from "./chart-data";
import { type Palette, type Scene, bandPath, makeHatch, paintFront, paintGround, readPalette, stepPath } from "./paint";
import { onThemeChange } from "./theme";

const HOUR_S = 3_600;
const MARGIN = { top: 28, left: 36 };

export function startPriceChart(): void {
  const plot = document.getElementById("plot");
  const readout = document.getElementById("readout");
  const data = readChartData();
  if (!plot || !readout || !data || data.slots.length === 0) return;
  new PriceChart(plot, readout, data);
}

function hatches(palette: Palette): Pick<Scene, "hatch" | "simulated"> {
  return { hatch: makeHatch(palette.level, devicePixelRatio), simulated: makeHatch(palette.ink2, devicePixelRatio) };
}

class PriceChart {
  private readonly canvas = document.createElement("div");
  private readonly cursor = document.createElement("div");
  private readonly scene: Scene;
  private readonly u: uPlot;
  private at: number;

  constructor(
    private readonly plot: HTMLElement,
    private readonly readout: HTMLElement,
    private readonly data: ChartData,
  ) {
    this.at = data.home;
    this.canvas.className = "canvas";
    this.canvas.setAttribute("aria-hidden", "true");
    this.cursor.className = "cursor";
    const palette = readPalette();
    this.scene = { data, view: this.chosenView(), palette, ...hatches(palette) };
    plot.append(this.canvas, this.cursor);
    plot.classList.add("live");
    this.u = new uPlot(this.options(), this.columns(), this.canvas);
    this.makeSlider();
    this.listen();
    this.read(this.at);
  }

  private chosenView(): View {
    const chosen = document.querySelector<HTMLInputElement>("input[name=range]:checked")?.value;
    return this.data.views.find((view) => view.id === chosen) ?? this.data.views[0]!;
  }

  /** Only the time axis matters to uPlot here; the path builders read the slots themselves. */
  private columns(): uPlot.AlignedData {
    const times = this.data.slots.map((slot) => slot.from);
    const prices = this.data.slots.map((slot) => slot.price);
    return [times, prices, prices, prices, prices];
  }

  private options(): uPlot.Options {
    const { slots } = this.data;
    const scene = this.scene;
    const area = (band: "band80" | "band50"): uPlot.Series => ({
      paths: (u) => ({ fill: bandPath(u, slots, band), stroke: null, flags: 0 } as unknown as uPlot.Series.Paths),
      fill: () => scene.palette[band],
      points: { show: false },
    });
    const steps = (forecast: boolean, width: number): uPlot.Series => ({
      paths: (u) => ({ stroke: stepPath(u, slots, scene.view, (slot) => slot.forecast === forecast), fill: null, flags: 0 } as unknown as uPlot.Series.Paths),
      stroke: () => (forecast ? scene.palette.forecast : scene.palette.price),
      width,
      points: { show: false },
    });
    return {
      ...this.size(),
      padding: [MARGIN.top, 0, this.bottom(), MARGIN.left],
      legend: { show: false },
      cursor: { show: false },
      select: { show: false, left: 0, top: 0, width: 0, height: 0 },
      scales: {
        x: { time: false, range: () => [scene.view.from, scene.view.to] },
        y: { range: () => [scene.view.low, scene.view.high] },
      },
      axes: [{ show: false }, { show: false }],
      series: [{}, area("band80"), area("band50"), steps(true, 1.75), steps(false, 2)],
      hooks: {
        drawClear: [(u) => paintGround(u, scene)],
        draw: [(u) => paintFront(u, scene)],
      },
    };
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(this.canvas.clientWidth, 120), height: Math.max(this.canvas.clientHeight, 120) };
  }

  /** Room under the plot, as the style sheet leaves it for the labels of the days. */
  private bottom(): number {
    return this.canvas.clientHeight - this.plot.clientHeight - MARGIN.top;
  }

  private makeSlider(): void {
    const { plot, data } = this;
    plot.tabIndex = 0;
    plot.setAttribute("role", "slider");
    plot.setAttribute("aria-label", data.slider_label);
    plot.setAttribute("aria-describedby", `sum-${this.scene.view.id}`);
    plot.setAttribute("aria-valuemin", "0");
    plot.setAttribute("aria-valuemax", String(data.slots.length - 1));
  }

  private listen(): void {
    const { plot } = this;
    plot.addEventListener("keydown", (event) => this.onKey(event));
    plot.addEventListener("pointermove", (event) => this.onPointer(event));
    plot.addEventListener("pointerdown", (event) => this.onPointer(event));
    plot.addEventListener("pointerleave", () => {
      if (document.activeElement !== plot) this.read(this.data.home);
    });
    plot.addEventListener("focus", () => this.read(this.at));
    for (const input of document.querySelectorAll("input[name=range]")) {
      input.addEventListener("change", () => this.show(this.chosenView()));
    }
    new ResizeObserver(() => {
      if (this.canvas.clientWidth === 0) return; // the table is shown
      this.u.setSize(this.size());
      this.placeCursor();
    }).observe(this.canvas);
    onThemeChange(() => {
      this.scene.palette = readPalette();
      Object.assign(this.scene, hatches(this.scene.palette));
      this.u.redraw(true);
    });
  }

  private show(view: View): void {
    this.scene.view = view;
    this.plot.setAttribute("aria-describedby", `sum-${view.id}`);
    this.u.batch(() => {
      this.u.setScale("x", { min: view.from, max: view.to });
      this.u.setScale("y", { min: view.low, max: view.high });
    });
    this.u.redraw(true);
    this.read(Math.min(Math.max(this.at, this.first()), this.last()));
  }

  private first(): number {
    const { slots } = this.data;
    const at = slotAt(slots, this.scene.view.from);
    return slots[at]!.to <= this.scene.view.from ? Math.min(at + 1, slots.length - 1) : at;
  }

  private last(): number {
    return slotAt(this.data.slots, this.scene.view.to - 1);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { slots } = this.data;
    const here = slots[this.at]!;
    const day = 24 * HOUR_S;
    const targets: Record<string, () => number> = {
      ArrowRight: () => this.at + 1,
      ArrowUp: () => this.at + 1,
      ArrowLeft: () => this.at - 1,
      ArrowDown: () => this.at - 1,
      PageUp: () => slotAt(slots, here.from + day),
      PageDown: () => slotAt(slots, here.from - day),
      Home: () => this.first(),
      End: () => this.last(),
      Escape: () => this.data.home,
    };
    const target = targets[event.key];
    if (!target) return;
    event.preventDefault();
    this.read(Math.min(Math.max(target(), this.first()), this.last()));
  }

  private onPointer(event: PointerEvent): void {
    const box = this.plot.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const { from, to } = this.scene.view;
    this.read(slotAt(this.data.slots, from + share * (to - from)));
  }

  /** Puts slot `index` into the readout line and into the slider's value. */
  private read(index: number): void {
    const slot = this.data.slots[index];
    if (!slot) return;
    this.at = index;
    const level = this.data.levels[slot.level - 1] ?? "";
    const value = element("span", "", element("b", "", slot.value));
    const when = element("span", "", `${slot.day} `, element("b", "", slot.hours), " ", element("span", "faint", slot.offset));
    const named = element("span", "lv", levelIcon(slot.level), element("span", "", level));
    this.readout.replaceChildren(when, " ", value, " ", named, " ", element("span", "muted", slot.note));
    this.plot.setAttribute("aria-valuenow", String(index));
    this.plot.setAttribute("aria-valuetext", `${slot.day} ${slot.hours} ${slot.offset}, ${slot.value}, ${level}, ${slot.note}`);
    this.placeCursor();
  }

  private placeCursor(): void {
    const slot = this.data.slots[this.at];
    if (!slot) return;
    const { from, to } = this.scene.view;
    const share = ((slot.from + slot.to) / 2 - from) / (to - from);
    this.cursor.style.left = `${(Math.min(Math.max(share, 0), 1) * 100).toFixed(3)}%`;
  }
}

function element(tag: string, className: string, ...content: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

function levelIcon(level: number): SVGElement {
  const names = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(names, "svg");
  icon.setAttribute("class", `i c${level}`);
  icon.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(names, "use");
  use.setAttribute("href", `#lv${level}`);
  icon.append(use);
  return icon;
}
