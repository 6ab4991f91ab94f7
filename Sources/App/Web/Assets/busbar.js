// Keeps the live region of a page fresh, puts the focus on the summary of errors and walks the queue by keys. Every
// page works without it.

/** @type {HTMLElement | null} */
const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();

const region = document.querySelector("[data-live]");
if (region) keepFresh(region);

const queue = document.querySelector("[data-queue]");
if (queue) walkQueue(queue);

/** J and K walk through the rows, X marks, R goes to the reason, ? shows the keys. @param {Element} list */
function walkQueue(list) {
  const rows = Array.from(list.querySelectorAll("a[data-row]"));
  const here = () => {
    const at = rows.findIndex((a) => a.closest("tr").contains(document.activeElement));
    return at >= 0 ? at : rows.findIndex((a) => a.closest("tr").matches("[aria-current]"));
  };
  const acts = {
    j: () => rows[Math.min(here() + 1, rows.length - 1)]?.focus(),
    k: () => rows[Math.max(here() - 1, 0)]?.focus(),
    x: () => rows[here()]?.closest("tr").querySelector("input[type=checkbox]")?.click(),
    r: () => {
      const isMarked = list.querySelector("tbody input:checked");
      document.getElementById(isMarked ? "bulk-reason" : "reason")?.focus();
    },
    "?": () => {
      const keys = document.getElementById("keys");
      if (keys) keys.open = !keys.open;
    },
  };
  document.addEventListener("keydown", (event) => {
    const typed = event.target.closest("input:not([type=checkbox]),select,textarea");
    if (typed || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** @param {Element} first */
function keepFresh(first) {
  const everyMs = Number(first.getAttribute("data-live")) || 2000;
  const slowestMs = 30000;
  let live = first;
  let lastGood = new Date();
  let misses = 0;

  const two = (n) => String(n).padStart(2, "0");
  const clock = (t) => `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;

  function show() {
    const banner = document.getElementById("stale");
    if (!banner) return;
    // One missed answer is nothing; after the second the figures are marked as old, with their age.
    const isOld = misses > 1;
    banner.hidden = !isOld;
    live.classList.toggle("old", isOld);
    if (isOld) banner.textContent = (banner.dataset.words || "").replace("[time]", clock(lastGood));
  }

  /** What the reader holds on to survives the swap: the focus, the open details, the scroll of tables. */
  function swap(next) {
    const all = (root, what) => Array.from(root.querySelectorAll(what));
    const focusable = "a,button,input,summary,[tabindex]";
    const at = all(live, focusable).indexOf(document.activeElement);
    const key = at < 0 ? null : nameOf(document.activeElement);
    all(live, "details").forEach((d, i) => { const n = all(next, "details")[i]; if (n) n.open = d.open; });
    const scrolls = all(live, ".wide").map((w) => w.scrollLeft);
    live.replaceWith(next);
    all(next, ".wide").forEach((w, i) => { w.scrollLeft = scrolls[i] || 0; });
    if (key) {
      const same = all(next, focusable).find((e) => nameOf(e) === key) || all(next, focusable)[at];
      if (same) same.focus({ preventScroll: true });
    }
    live = next;
  }

  const nameOf = (e) => e.id || e.getAttribute("href") || e.getAttribute("aria-label") || e.textContent;

  async function turn() {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { signal: AbortSignal.timeout(10000), cache: "no-store" });
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = page.querySelector("[data-live]");
        if (!next) throw new Error("no live region");
        swap(document.adoptNode(next));
        document.title = page.title;
        const now = page.querySelector(".me time");
        const old = document.querySelector(".me time");
        if (now && old) old.replaceWith(document.adoptNode(now));
        lastGood = new Date();
        misses = 0;
      } catch {
        misses += 1;
      }
      show();
    }
    setTimeout(turn, Math.min(everyMs * 2 ** misses, slowestMs));
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) misses = Math.min(misses, 1); });
  setTimeout(turn, everyMs);
}
