// What the server puts into the page for the chart; instants in seconds, prices in the unit named.

export interface Slot {
  from: number;
  to: number;
  price: number;
  forecast: boolean;
  simulated?: boolean;
  band80?: [number, number];
  band50?: [number, number];
  level: number;
  day: string;
  hours: string;
  offset: string;
  value: string;
  note: string;
}

export interface View {
  id: "near" | "wide";
  from: number;
  to: number;
  low: number;
  high: number;
  ticks: { value: number; label: string }[];
  hours: { at: number; label: string }[];
  marks: { at: number; value: number; label: string; below: boolean }[];
  summary: string;
}

export interface ChartData {
  now: number;
  now_label: string;
  home: number;
  seam: number | null;
  seam_label: string;
  unit: string;
  levels: string[];
  slider_label: string;
  slots: Slot[];
  windows: { number: number; from: number; to: number }[];
  days: { from: number; to: number; weekday: string; date: string; tiny: string; note: string | null }[];
  views: View[];
}

/** The data block of the page, if there is one. */
export function readChartData(): ChartData | null {
  const text = document.getElementById("chart-data")?.textContent;
  return text ? (JSON.parse(text) as ChartData) : null;
}

/** Index of the slot that holds `at`, or of the nearest one. */
export function slotAt(slots: Slot[], at: number): number {
  let low = 0;
  let high = slots.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (slots[middle]!.from <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
