// Keys of the fiche, each for what the page shows at that moment, and the visible word of what was done in place.

import { actifs, mentionner, raccourci } from "./raccourcis.js";

const TOUCHES = {
  a: "Marquer ou annuler l’arrivée",
  d: "Déplacer le rendez-vous",
  x: "Échanger le rendez-vous avec un autre",
  e: "Modifier le rendez-vous",
  c: "Noter un contre-appel",
  s: "Noter la suite donnée",
  f: "Ouvrir la fiche de visite",
  g: "Affecter des agents",
};

for (const [touche, texte] of Object.entries(TOUCHES)) {
  raccourci(touche, texte, () => {
    const cible = document.querySelector(`#fiche [data-touche="${touche}"] :is(a, button:not([hidden]))`);
    cible?.click();
    return Boolean(cible);
  });
}
mentionner("Tab", "Aller d’une action à l’autre");
document.documentElement.dataset.raccourcis = actifs() ? "oui" : "non";

// The polite region has already said it to a screen reader: this is for the eye.
const fait = document.getElementById("fiche-fait");
document.addEventListener("action:acceptee", ({ detail }) => {
  if (!fait || !detail.message) return;
  fait.firstElementChild.textContent = detail.message;
  fait.hidden = false;
});
document.addEventListener("action:refusee", () => { if (fait) fait.hidden = true; });
