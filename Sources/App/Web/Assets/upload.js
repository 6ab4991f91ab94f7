// Says how far an upload is; only pages with a form for files load it, and they work without it.

showUpload();

/** Sends the form of a file and says how much has gone; the answer takes the place of the page. */
function showUpload() {
  const form = document.querySelector("form[data-upload]");
  form?.addEventListener("submit", (event) => {
    if (!form.elements.file.files.length) return;
    event.preventDefault();
    const status = document.createElement("p");
    status.className = "note info";
    status.setAttribute("role", "status");
    form.append(status);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    const say = (share) => { status.textContent = form.dataset.upload.replace("[share]", String(share)); };
    const sender = new XMLHttpRequest();
    sender.upload.addEventListener("progress", (e) => say(Math.floor((100 * e.loaded) / (e.total || 1))));
    sender.addEventListener("load", () => {
      const page = new DOMParser().parseFromString(sender.responseText, "text/html");
      const main = page.querySelector("main");
      if (!main || !sender.responseURL.endsWith(form.getAttribute("action"))) {
        location.assign(sender.responseURL);
        return;
      }
      document.querySelector("main").replaceWith(document.adoptNode(main));
      document.title = page.title;
      const first = document.querySelector("[data-focus]") || document.querySelector("main h1");
      first.setAttribute("tabindex", "-1");
      first.focus();
      showUpload();
    });
    sender.addEventListener("error", () => form.submit());
    const fields = new FormData(form, event.submitter);
    sender.open("POST", form.action);
    sender.setRequestHeader("Accept", "text/html");
    sender.send(fields);
  });
}
