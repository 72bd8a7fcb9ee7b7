// Moves the bar of a job that is being worked off; the page itself is right without it, and newer when it is loaded again.
(() => {
  const section = document.querySelector("[data-progress]");
  if (!section) return;
  const bar = section.querySelector("progress");
  const percent = section.querySelector("#progress-percent");
  const words = section.querySelector("#progress-words");
  const pace = section.querySelector("#progress-pace");
  const figures = document.querySelectorAll("[data-figure]"); // Those of the page that change meanwhile, in this order.
  let failures = 0;

  const ask = async () => {
    try {
      const answer = await fetch(section.dataset.progress, { headers: { Accept: "application/json" } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const progress = await answer.json();
      bar.value = progress.percent;
      percent.textContent = `${progress.percent} %`;
      words.textContent = progress.text;
      pace.textContent = progress.pace ?? "";
      (progress.figures ?? []).forEach((figure, at) => figures[at] && (figures[at].textContent = figure));
      failures = 0;
      if (progress.finished) {
        // The figures below and the buttons above are other ones now.
        setTimeout(() => location.reload(), 700);
        return;
      }
    } catch {
      failures += 1;
      if (failures > 30) {
        words.textContent = "The progress cannot be read right now. Load the page again.";
        return;
      }
    }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
})();
