// Step 2, after a day was chosen: its hours come into view and take the focus, instead of the top of the page. And what
// the region says of itself when it is laid again ([data-dire]: the service closed) is said politely, once.

import { annoncer } from "./annonces.js";

const titre = document.querySelector("[data-heures-titre]");
const choisi = new URLSearchParams(location.search).has("jour") && !location.hash;

if (titre && choisi && !document.querySelector("[data-focus]")) {
  titre.focus({ preventScroll: true });
  titre.scrollIntoView({ block: "nearest" });
  const bas = titre.closest("[data-heures]").getBoundingClientRect();
  if (bas.top > innerHeight / 2) titre.scrollIntoView({ block: "start" });
}

let dit = document.querySelector("[data-dire]")?.textContent.trim() ?? "";
document.addEventListener("flux:change", (e) => {
  const texte = e.detail.element.querySelector("[data-dire]")?.textContent.trim() ?? "";
  if (texte && texte !== dit) annoncer(texte);
  dit = texte;
});
