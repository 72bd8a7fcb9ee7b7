// Shows the fields that belong to the chosen action and format, and says while one types whether a pattern is hard enough to guess.
(() => {
  const form = document.querySelector(".desk-form");
  if (!form) return;

  const showFields = () => {
    for (const field of form.querySelectorAll("[data-when]")) {
      const [name, wanted] = field.dataset.when.split("=");
      const fits = wanted.split(",").includes(form.elements[name].value);
      field.closest(".desk-field").hidden = !fits;
      field.disabled = !fits; // So that what was typed before another choice is not sent.
    }
  };

  form.addEventListener("input", showFields);
  showFields();
  if (!form.elements.pattern) return; // Codes from a file look as they look.

  const help = document.createElement("p");
  help.className = "desk-help";
  help.setAttribute("role", "status");
  form.elements.pattern.closest(".desk-section").append(help);
  const address = location.pathname.replace(/issue\/$/, "format-help/");
  let waiting;
  let asked = 0;

  const tell = async () => {
    const question = new URLSearchParams();
    for (const name of ["site", "format", "pattern", "count"]) question.set(name, form.elements[name].value);
    const mine = ++asked;
    try {
      const answer = await fetch(`${address}?${question}`, { headers: { Accept: "application/json" } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const told = await answer.json();
      if (mine !== asked) return;
      help.textContent = told.text;
      help.classList.toggle("desk-bad", !told.fits);
    } catch {
      if (mine === asked) help.textContent = "";
    }
  };

  form.addEventListener("input", (event) => {
    if (["site", "format", "pattern", "count"].includes(event.target.name)) {
      clearTimeout(waiting);
      waiting = setTimeout(tell, 300);
    }
  });
  tell();
})();
