// Questions to documents: the answer is shown as it is written, then as the server has checked it.
// Without this script the form is answered with a whole page.
import htmx from "htmx.org";

/** One event of a stream: its name, its data. */
type Told = { name: string; data: Record<string, unknown> };

export function startAsk(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-ask]");
  const region = document.getElementById("answer");
  if (!form || !region) return;
  let running: AbortController | undefined;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    running?.abort();
    const own = new AbortController();
    running = own;
    void ask(form, region, own.signal).then((done) => {
      // Whatever went wrong with the stream, the form still works as forms do.
      if (!done && !own.signal.aborted) form.submit();
    });
  });
}

async function ask(form: HTMLFormElement, region: HTMLElement, signal: AbortSignal): Promise<boolean> {
  const live = document.createElement("p");
  live.className = "live";
  live.textContent = form.dataset["ask"] ?? "";
  const waiting = document.createElement("section");
  waiting.className = "sec";
  waiting.append(live);
  region.setAttribute("aria-busy", "true");
  region.replaceChildren(waiting);
  let isWriting = false;
  let isDone = false;
  try {
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
    const answer = await fetch(form.action, { method: "POST", body, signal, headers: { accept: "text/event-stream" } });
    if (!answer.ok || !answer.body) return false;
    for await (const told of events(answer.body)) {
      if (told.name === "token") {
        if (!isWriting) live.textContent = "";
        isWriting = true;
        live.append(String(told.data["text"] ?? ""));
      } else if (told.name === "html") {
        region.innerHTML = String(told.data["html"] ?? "");
        htmx.process(region);
        isDone = true;
      }
    }
    return isDone;
  } catch {
    return false;
  } finally {
    if (!signal.aborted) region.removeAttribute("aria-busy");
  }
}

/** Server-sent events of a body, as they come. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<Told> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += decoder.decode(value, { stream: true });
    for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
      const told = parsed(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
      if (told) yield told;
    }
  }
}

function parsed(block: string): Told | undefined {
  let name = "message";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  return data === "" ? undefined : { name, data: JSON.parse(data) as Record<string, unknown> };
}
