// An usager who cancels or moves his rendez-vous himself is not there to say so: the desk and the agenda of that day tell
// it, politely and for a while. The frame says that it was him; the name comes from the page, when it shows one.

import { annoncer } from "./annonces.js";
import { flux, preparer } from "./flux.js";
import { heure } from "./horloge.js";
import { concerne } from "./registre.js";

const DUREE = 15_000;
/** How long a name that has just left the page may still be said, in milliseconds. */
const SOUVENIR = 10_000;
const FAITS = { "rdv.annule": "annulé par l’usager", "rdv.replanifie": "déplacé par l’usager" };

/** The region of a day or a guichet that shows that rendez-vous; the others follow everything. */
const trouver = (trame) => flux.regions.map((r) => r.element)
  .find((e) => e.dataset.du && e.dataset.au && concerne(trame, e));

function zone() {
  let zone = document.getElementById("faits-usager");
  if (!zone) {
    zone = document.createElement("div");
    zone.id = "faits-usager";
    zone.className = "avis";
    document.querySelector("main").append(zone);
  }
  return zone;
}

function montrer(texte) {
  const p = document.createElement("p");
  p.className = "fait-usager";
  p.append(texte);
  const fermer = document.createElement("button");
  fermer.type = "button";
  fermer.className = "fr-btn fr-btn--tertiary-no-outline fr-btn--sm fr-icon-close-line";
  fermer.textContent = "Fermer";
  fermer.addEventListener("click", () => p.remove());
  p.append(" ", fermer);
  zone().replaceChildren(p);
  const partir = () => (p.matches(":hover, :focus-within") ? setTimeout(partir, 2000) : p.remove());
  setTimeout(partir, DUREE);
}

// A fragment asked for at that instant may come before the frame, and take the line away: the sentence still says who.
const noms = new Map();
preparer((neuf, ancien) => {
  for (const ligne of ancien.querySelectorAll("[data-rdv]")) {
    const { rdv } = ligne.dataset;
    const nom = ligne.querySelector("[data-nom]")?.textContent;
    if (!nom || neuf.querySelector(`[data-rdv="${CSS.escape(rdv)}"]`)) continue;
    noms.set(rdv, nom);
    setTimeout(() => noms.delete(rdv), SOUVENIR);
  }
});
document.addEventListener("flux:arret", () => noms.clear());

document.addEventListener("flux:usager", ({ detail: trame }) => {
  const fait = FAITS[trame.type];
  const region = fait && trouver(trame);
  if (!region) return;
  const nom = region.querySelector(`[data-rdv="${CSS.escape(trame.rdv)}"] [data-nom]`)?.textContent
    ?? noms.get(String(trame.rdv));
  const quand = heure(Date.parse(trame.avant?.debut ?? trame.debut), region.dataset.zone);
  const phrase = [quand, nom, fait].filter(Boolean).join(", ");
  montrer(phrase);
  annoncer(phrase);
});
