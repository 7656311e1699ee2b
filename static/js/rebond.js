// A second click where the first one was is the end of a double click, or a doubt: never an act on what has just slid there
// (the next person's row, or the undoing of what was just done). A small invisible shield takes it.

import { annoncer } from "./annonces.js";

/** Half a side of the shield, in pixels: a hand that trembles stays on it. */
const COTE = 12;
/** How long it stays once the act is done, in milliseconds; longer over what would undo it. */
const DUREE = 700;
const DUREE_INVERSE = 1500;
/** A request without an answer shields nothing longer than that. */
const ATTENTE = 3000;
const INVERSES = { "rdv.arrive": "rdv.arrivee_annulee", "rdv.arrivee_annulee": "rdv.arrive" };

const bouclier = document.createElement("div");
bouclier.className = "rebond";
bouclier.setAttribute("aria-hidden", "true");
let minuteur = 0;
let presse = null;

function lever() {
  clearTimeout(minuteur);
  bouclier.remove();
  presse = null;
}

function attendre(delai, faire = lever) {
  clearTimeout(minuteur);
  minuteur = setTimeout(faire, delai);
}

/** True when the act just done would be undone by a click there. */
function couvreLInverse() {
  const dessous = document.elementsFromPoint(presse.x, presse.y).map((e) => e.closest("[data-evenement]")).find(Boolean);
  return dessous && dessous.closest("[data-rdv]")?.dataset.rdv === presse.rdv && dessous.dataset.evenement === INVERSES[presse.evenement];
}

document.addEventListener("click", (e) => {
  const bouton = e.target.closest?.("button[data-evenement]");
  if (!bouton || e.detail === 0) return; // detail 0: the keyboard, which does not click on what slides
  presse = { x: e.clientX, y: e.clientY, evenement: bouton.dataset.evenement,
    rdv: bouton.dataset.pour ?? bouton.closest("[data-rdv]")?.dataset.rdv };
  bouclier.style.left = `${presse.x - COTE}px`;
  bouclier.style.top = `${presse.y - COTE}px`;
  document.body.append(bouclier);
  // The answer may come later than that: what it makes slide there is shielded then.
  attendre(ATTENTE, () => bouclier.remove());
}, { capture: true });
document.addEventListener("action:faite", ({ detail }) => {
  if (!presse || detail.rdv !== presse.rdv) return;
  document.body.append(bouclier);
  attendre(DUREE, () => { if (presse && couvreLInverse()) attendre(DUREE_INVERSE - DUREE); else lever(); });
});
document.addEventListener("action:refusee", lever);
bouclier.addEventListener("click", () => annoncer("Clic trop rapproché du précédent : rien n’a été fait."));
bouclier.addEventListener("mousedown", (e) => e.preventDefault()); // the focus stays where it is
// A mouse that goes elsewhere knows where it goes; a finger leaves at each touch.
bouclier.addEventListener("pointerleave", (e) => { if (e.pointerType === "mouse") lever(); });
