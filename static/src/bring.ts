// Documents: files are dropped or chosen, sent one after the other, and each says what became of it.
// Without this script the form sends them all at once.
import htmx from "htmx.org";

/** What became of a file. */
type Outcome = { name: string; text: string; is_taken: boolean };

export function startBring(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-bring]");
  const input = form?.querySelector<HTMLInputElement>("input[type=file]");
  const list = form?.querySelector<HTMLUListElement>(".sent");
  const drop = form?.querySelector<HTMLElement>(".drop");
  if (!form || !input || !list || !drop) return;
  const send = async (files: File[]): Promise<void> => {
    for (const file of files) await bring(form, list, file);
    form.reset();
    htmx.trigger(document.body, "luna:brought", {});
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send([...(input.files ?? [])]);
  });
  const over = (is: boolean) => (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.toggle("over", is);
  };
  form.addEventListener("dragenter", over(true));
  form.addEventListener("dragover", over(true));
  form.addEventListener("dragleave", over(false));
  form.addEventListener("drop", (event) => {
    over(false)(event);
    void send([...(event.dataTransfer?.files ?? [])]);
  });
}

async function bring(form: HTMLFormElement, list: HTMLUListElement, file: File): Promise<void> {
  const line = document.createElement("li");
  const name = document.createElement("span");
  const state = document.createElement("span");
  name.textContent = file.name;
  state.textContent = form.dataset["bring"] ?? "";
  line.append(name, state);
  list.append(line);
  const body = new FormData(form);
  body.delete("file");
  body.append("file", file, file.name);
  let outcome: Outcome | undefined;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
    if (answer.ok) outcome = ((await answer.json()) as Outcome[])[0];
  } catch {
    // The sentence below says so.
  }
  state.textContent = outcome?.text ?? form.dataset["failed"] ?? "";
  state.classList.toggle("bad", outcome?.is_taken !== true);
}
