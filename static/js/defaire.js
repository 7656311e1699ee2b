// Second thoughts: a row that has just been marked moves away, or leaves a list that shows one state alone, so its undoing is
// offered for a while. On the board it is in the strip of the totals, where no row is: never under the pointer, never over
// somebody else's button. ``data-defaire-zone`` may say what the zone follows, for who does not see it.

import { annoncer } from "./annonces.js";

/** How long it stays, in milliseconds; it then waits while it is really pointed at or has the focus. */
const DUREE = 8000;
const SURSIS = 2000;
/** A click that was already on its way when it came is not for it. */
const SOURDE = 700;
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

function patienter(bloc, delai = DUREE) {
  clearTimeout(minuteur);
  minuteur = setTimeout(() => {
    if (bloc.hasAttribute("data-pointe") || bloc.matches(":focus-within")) patienter(bloc, SURSIS);
    else fermer();
  }, delai);
}

let pointeur = null;

const sous = (bloc, { x, y }) => {
  const { left, right, top, bottom } = bloc.getBoundingClientRect();
  return left <= x && x <= right && top <= y && y <= bottom;
};

/** Away from the pointer, which may rest there (an arrival by keyboard): being under it is not being pointed at. */
function placer(bloc) {
  const depart = pointeur;
  if (depart && sous(bloc, depart)) bloc.classList.add("defaire--ailleurs");
  bloc.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (!depart || Math.hypot(clientX - depart.x, clientY - depart.y) > 4) bloc.dataset.pointe = "";
  });
  bloc.addEventListener("pointerleave", () => bloc.removeAttribute("data-pointe"));
  bloc.dataset.sourde = "";
  bloc.addEventListener("mousedown", (e) => { if (bloc.hasAttribute("data-sourde")) e.preventDefault(); });
  setTimeout(() => bloc.removeAttribute("data-sourde"), SOURDE);
}

function proposer({ evenement, rdv, nom, adresse }) {
  const geste = GESTES[evenement];
  const [chemin, retour] = adresse.split("?");
  const base = chemin.replace(/\/annulation$/, "");
  const bloc = document.createElement("div");
  bloc.className = "defaire";
  bloc.dataset.defaire = rdv;
  bloc.dataset.tient = geste.tient;
  const texte = document.createElement("p");
  texte.textContent = `${nom} : ${geste.fait}`;
  const bouton = document.createElement("button");
  bouton.className = "fr-btn fr-btn--secondary fr-icon-arrow-go-back-line fr-btn--icon-left";
  bouton.setAttribute("form", "actions");
  bouton.setAttribute("formaction", base + geste.suite + (retour ? `?${retour}` : ""));
  bouton.dataset.evenement = geste.evenement;
  bouton.dataset.pour = rdv;
  bouton.textContent = geste.inverse;
  const qui = document.createElement("span");
  qui.className = "fr-sr-only";
  qui.textContent = ` : ${nom}`;
  bouton.append(qui);
  bloc.append(texte, bouton);
  zone.replaceChildren(bloc);
  placer(bloc);
  annoncer(`${texte.textContent}. Le bouton « ${geste.inverse} » suit ${zone.dataset.defaireZone || "le champ de recherche"} pendant 8 secondes.`);
  patienter(bloc);
}

const ligneDe = (rdv) => document.querySelector(`:is([data-groupes], .liste) [data-rdv="${CSS.escape(rdv)}"]`);
/** A list of one state, or in their order: the row is about to go. */
const partante = (ligne) => Boolean(ligne?.closest(".liste-rdv--relire"));

/** Once the row has moved: nothing to offer when its own button is still where the click was. */
function apresDeplacement(detail, depuis = performance.now()) {
  const ligne = ligneDe(detail.rdv);
  if (ligne && !partante(ligne) && ligne.dataset.etat !== GESTES[detail.evenement].tient && performance.now() - depuis < 2000) {
    setTimeout(() => apresDeplacement(detail, depuis), 50);
    return;
  }
  const { left, top, width, height } = detail.cadre;
  const dessous = document.elementsFromPoint(left + width / 2, top + height / 2);
  if (!ligne || partante(ligne) || !dessous.some((e) => ligne.contains(e))) proposer(detail);
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
  document.addEventListener("pointermove", (e) => { pointeur = { x: e.clientX, y: e.clientY }; }, { passive: true });
}
