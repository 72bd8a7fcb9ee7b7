// Shows the fields that belong to the chosen kind of edit; without it all are shown, and those that do not belong are left aside.
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
})();
