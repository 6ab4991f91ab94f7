// Checks a tariff while it is typed: sends the form as the button Check does, and puts what comes back beside it. The
// page works without it.

const form = document.querySelector("form[data-designer]");
const idleMs = 700;
let timer = 0;
let asked = null;

async function check() {
  asked?.abort();
  asked = new AbortController();
  const fields = new URLSearchParams(new FormData(form));
  fields.set("do", "check");
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields, signal: asked.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("[data-designed]");
    const live = document.querySelector("[data-designed]");
    if (next && live) live.replaceWith(document.adoptNode(next));
  } catch {
    // The next change asks again; the button is there all the time.
  }
}

form?.addEventListener("input", (event) => {
  if (["reason", "evenWithoutNotice", "note"].includes(event.target.name)) return;
  clearTimeout(timer);
  timer = setTimeout(check, idleMs);
});
