// What Unfold's pages lack for people without a mouse, and two small helps of our own.
(() => {
  const prepare = () => {
    // Unfold hangs clicks on elements that no keyboard reaches; make buttons of them.
    for (const element of document.querySelectorAll("[x-on\\:click]")) {
      if (element.matches("a[href], button, input, select, textarea, summary, [tabindex]")) continue;
      if (!element.closest(".cursor-pointer")) continue;
      element.tabIndex = 0;
      element.setAttribute("role", "button");
      const label = { dock_to_right: "Show or hide the menu", close: "Hide the menu" }[element.textContent.trim()];
      if (label) element.setAttribute("aria-label", label);
      element.addEventListener("keydown", (event) => {
        if (event.target === element && (event.key === "Enter" || event.key === " ")) {
          event.preventDefault();
          element.click();
        }
      });
    }
    // The icons are letters to a screen reader, which would read "inventory_2 Batches".
    for (const icon of document.querySelectorAll(".material-symbols-outlined:not([role])")) icon.setAttribute("aria-hidden", "true");
    // A second press while the first is under way would only ask again.
    for (const form of document.querySelectorAll("form.desk-form")) {
      if (form.hasAttribute("data-stays")) continue; // It answers with a file, and the page stays as it is.
      form.addEventListener("submit", () => {
        for (const button of form.querySelectorAll("button[type=submit]")) setTimeout(() => (button.disabled = true));
      });
    }
    for (const button of document.querySelectorAll("[data-copy]")) {
      if (!navigator.clipboard) continue;
      button.hidden = false;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        button.textContent = "Copied";
      });
    }
  };
  document.addEventListener("DOMContentLoaded", prepare);
  // Back from another page the browser shows this one as it was left, buttons and all.
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("form.desk-form button[type=submit]")) button.disabled = false;
  });
})();
