(() => {
  "use strict";
  const words = document.getElementById("find"), outcome = document.getElementById("outcome");
  const rows = [...document.querySelectorAll("tr[data-outcome]")];
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    for (const row of rows) {
      const section = row.closest("section");
      const text = `${section.dataset.change} ${row.textContent}`.toLowerCase();
      const fits = (!outcome.value || row.dataset.outcome === outcome.value) && wanted.every((word) => text.includes(word));
      row.hidden = !fits;
      number += fits;
    }
    for (const section of document.querySelectorAll("section[data-change]")) {
      section.hidden = !section.querySelector("tr[data-outcome]:not([hidden])");
    }
    document.getElementById("found").textContent = `${number} of ${rows.length}`;
  };
  document.getElementById("controls").hidden = false;
  words.addEventListener("input", show);
  outcome.addEventListener("change", show);
  show();
})();
