// The desk's second thoughts: a row that has just been marked moves away from under the pointer, so its undoing stays where
// the click was, for a while. It also keeps the next row's button from sliding under a second click.

import { annoncer } from "./annonces.js";

/** How long it stays, in milliseconds; it waits while it is pointed at or has the focus. */
const DUREE = 8000;
const GESTES = {
  "rdv.arrive": { fait: "arrivé", inverse: "Annuler", suite: "/annulation", evenement: "rdv.arrivee_annulee", tient: "arrive" },
  "rdv.arrivee_annulee": { fait: "arrivée annulée", inverse: "Remettre arrivé", suite: "", evenement: "rdv.arrive", tient: "prevu" },
};

const zone = document.querySelector("[data-defaire-zone]");
let minuteur = 0;

function fermer() {
  clearTimeout(minuteur);
  const focus = zone.contains(document.activeElement);
  zone.replaceChildren();
  if (focus) document.querySelector("[data-recherche]")?.focus({ preventScroll: true });
}

function patienter() {
  clearTimeout(minuteur);
  minuteur = setTimeout(() => { if (zone.matches(":hover, :focus-within")) patienter(); else fermer(); }, DUREE);
}

/** At the place of the button that was pressed, inside the window whatever happens. */
function placer(bloc, cadre) {
  const { width, height } = bloc.getBoundingClientRect();
  const borner = (v, max) => Math.max(8, Math.min(v, max - 8));
  bloc.style.left = `${borner(cadre.right - width, innerWidth - width)}px`;
  bloc.style.top = `${borner(cadre.top + (cadre.height - height) / 2, innerHeight - height)}px`;
}

function proposer({ evenement, rdv, nom, adresse, cadre }) {
  const geste = GESTES[evenement];
  const base = adresse.replace(/\/annulation$/, "");
  const bloc = document.createElement("div");
  bloc.className = "defaire";
  bloc.dataset.defaire = rdv;
  bloc.dataset.tient = geste.tient;
  const texte = document.createElement("p");
  texte.textContent = `${nom} : ${geste.fait}`;
  const bouton = document.createElement("button");
  bouton.className = "fr-btn fr-btn--secondary fr-icon-arrow-go-back-line fr-btn--icon-left";
  bouton.setAttribute("form", "actions");
  bouton.setAttribute("formaction", base + geste.suite);
  bouton.dataset.evenement = geste.evenement;
  bouton.dataset.pour = rdv;
  bouton.textContent = geste.inverse;
  const qui = document.createElement("span");
  qui.className = "fr-sr-only";
  qui.textContent = ` : ${nom}`;
  bouton.append(qui);
  bloc.append(texte, bouton);
  zone.replaceChildren(bloc);
  placer(bloc, cadre);
  annoncer(`${texte.textContent}. Le bouton « ${geste.inverse} » suit le champ de recherche pendant 8 secondes.`);
  patienter();
}

const ligneDe = (rdv) => document.querySelector(`[data-groupes] [data-rdv="${CSS.escape(rdv)}"]`);

/** Once the row has moved: nothing to offer when its own button is still where the click was. */
function apresDeplacement(detail, depuis = performance.now()) {
  const ligne = ligneDe(detail.rdv);
  if (ligne && ligne.dataset.etat !== GESTES[detail.evenement].tient && performance.now() - depuis < 2000) {
    setTimeout(() => apresDeplacement(detail, depuis), 50);
    return;
  }
  const { left, top, width, height } = detail.cadre;
  if (!ligne || !ligne.contains(document.elementFromPoint(left + width / 2, top + height / 2))) proposer(detail);
}

if (zone) {
  document.addEventListener("action:faite", ({ detail }) => {
    if (zone.querySelector(`[data-defaire="${CSS.escape(detail.rdv ?? "")}"]`)) fermer();
    if (GESTES[detail.evenement] && detail.nom) setTimeout(() => apresDeplacement(detail));
  });
  // Somebody else went further: there is nothing left to undo here.
  document.addEventListener("flux:change", ({ detail }) => {
    const bloc = zone.firstElementChild;
    const trame = detail.trame;
    if (bloc && trame && String(trame.rdv) === bloc.dataset.defaire && trame.etat && trame.etat !== bloc.dataset.tient) fermer();
  });
  addEventListener("resize", fermer);
}
