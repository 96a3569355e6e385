// Pages do without this. With it, what they mark as live is replaced as the host tells of it.
"use strict";
for (const part of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener("part", (event) => {
    // What somebody is typing in stays.
    if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.innerHTML = event.data;
    if (focused) document.getElementById(focused)?.focus();
  });
  // The session is over, or the page has nothing more to tell.
  source.addEventListener("end", () => source.close());
  addEventListener("pagehide", () => source.close());
}
// One press is enough: a form is sent once.
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
  });
}
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("button:disabled").forEach((button) => { button.disabled = false; });
});
