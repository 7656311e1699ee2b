// A RDV moved on the grid: dragged by the pointer, or carried by the keyboard (d, arrows, Enter, Escape). One that changes
// meanwhile is put back, and that is said.

import { annoncer, montrer as direEnVue } from "./annonces.js";
import { effacerCible, lire, montrer, siennes, viserPlace, viserPoint, viserRdv } from "./cible.js";
import { demanderRevision, deplacer } from "./envoi-deplacement.js";
import { aller, sousFocus } from "./grille.js";
import { raccourci } from "./raccourcis.js";

/** Pixels before a press becomes a drag: a click still opens. */
const SEUIL = 6;
/** Milliseconds before a finger that stays lifts a RDV. */
const APPUI = 500;
const BORD = 44;
const racine = document.documentElement;

/** What is being moved: {rdv, revision, genre: "pointeur" | "clavier", cible, …}; null most of the time. */
let enCours = null;
let pression = null;
let aFocaliser = "";
/** The button is still down after Escape: its release is no click. */
let aAvaler = false;

const blocDe = (id) => document.getElementById(`a-${id}`);
const deplacable = (bloc) => bloc?.dataset.etat === "prevu";

function souleverBloc() {
  for (const e of document.querySelectorAll(".rdv.souleve")) if (e.dataset.rdv !== enCours?.rdv.id) e.classList.remove("souleve");
  if (enCours) blocDe(enCours.rdv.id)?.classList.add("souleve");
}

function commencer(bloc, genre, plus = {}) {
  const rdv = lire(bloc);
  enCours = { rdv, genre, cible: null, revision: demanderRevision(`${rdv.table.dataset.urlRdv}${rdv.id}/deplacer`), ...plus };
  souleverBloc();
}

/** End of it, whatever happened. */
function finir() {
  enCours?.fantome?.remove();
  enCours = null;
  pression = null;
  racine.classList.remove("en-deplacement");
  racine.removeAttribute("data-mode-deplacement");
  document.querySelector(".barre-deplacement")?.remove();
  for (const p of document.querySelectorAll(".place[data-sienne]")) {
    p.hidden = true;
    p.removeAttribute("data-sienne");
  }
  effacerCible();
  souleverBloc();
}

function abandonner(phrase = "Déplacement abandonné : le rendez-vous reste à sa place.") {
  const { rdv, genre } = enCours;
  finir();
  annoncer(phrase);
  const lien = blocDe(rdv.id)?.querySelector(".case");
  if (genre === "clavier" && lien) aller(lien.closest("[data-grille]"), lien);
}

async function poser(cible) {
  const { rdv, revision, genre } = enCours;
  if (!cible || cible.ici) return abandonner();
  if (cible.echange) {
    finir();
    location.assign(`${rdv.table.dataset.urlRdv}${rdv.id}/echanger?avec=${cible.echange}`); // shown, then confirmed
    return undefined;
  }
  if (cible.refus) {
    if (genre === "pointeur") abandonner(`${cible.texte} : ${cible.refus}. Le rendez-vous reste à sa place.`);
    else annoncer(`${cible.texte} : ${cible.refus}`);
    return undefined;
  }
  finir();
  const bloc = blocDe(rdv.id);
  bloc?.classList.add("occupe");
  bloc?.setAttribute("aria-busy", "true");
  if (genre === "clavier") aFocaliser = rdv.id;
  const fait = await deplacer(rdv, cible, revision);
  const reste = blocDe(rdv.id);
  reste?.classList.remove("occupe");
  reste?.removeAttribute("aria-busy");
  if (!fait) {
    aFocaliser = "";
    if (genre === "clavier" && reste) aller(reste.closest("[data-grille]"), reste.querySelector(".case"));
  }
  return undefined;
}

// --- The pointer -----------------------------------------------------------------------------------------------------

function creerFantome(bloc) {
  const fantome = bloc.cloneNode(true);
  const { width, height } = bloc.getBoundingClientRect();
  for (const e of [fantome, ...fantome.querySelectorAll("*")]) {
    for (const nom of ["id", "data-rdv", "data-g", "data-m", "href", "tabindex"]) e.removeAttribute(nom);
  }
  fantome.className = "rdv fantome";
  fantome.inert = true;
  fantome.setAttribute("aria-hidden", "true");
  Object.assign(fantome.style, { width: `${width}px`, height: `${height}px`, fontSize: getComputedStyle(bloc).fontSize });
  document.body.append(fantome);
  return fantome;
}

function suivre(x, y) {
  const { rdv, fantome, dx, dy } = enCours;
  Object.assign(enCours, { x, y });
  fantome.style.transform = `translate(${x - dx}px, ${y - dy}px)`;
  const demiLigne = rdv.table.tBodies[0].rows[0].offsetHeight / 2;
  enCours.cible = viserPoint(rdv, x, y - dy + demiLigne) ?? viserPoint(rdv, x, y);
  montrer(rdv, enCours.cible);
}

/** Near an edge of the grid or of the window, what is hidden comes. */
function defiler() {
  if (enCours?.genre !== "pointeur") return;
  const { rdv, x, y } = enCours;
  const cadre = rdv.table.closest("[data-defilement]");
  const vu = cadre.getBoundingClientRect();
  const pousse = (p, debut, fin) => (p < debut + BORD ? -1 : p > fin - BORD ? 1 : 0) * 12;
  const [cx, cy] = [pousse(x, vu.left, vu.right), pousse(y, vu.top + 40, vu.bottom)];
  const avant = [cadre.scrollLeft, cadre.scrollTop];
  cadre.scrollBy(cx, cy);
  if (cy && cadre.scrollTop === avant[1]) scrollBy(0, pousse(y, 0, innerHeight));
  if (cx || cy) suivre(x, y);
  requestAnimationFrame(defiler);
}

function leverPointeur(e) {
  const { bloc, x, y } = pression;
  if (!bloc.isConnected || !deplacable(bloc)) {
    pression = null;
    return;
  }
  const { left, top } = bloc.getBoundingClientRect();
  commencer(bloc, "pointeur", { fantome: creerFantome(bloc), dx: x - left, dy: y - top, pointeur: pression.pointeur });
  racine.classList.add("en-deplacement");
  racine.setPointerCapture?.(enCours.pointeur);
  getSelection()?.removeAllRanges();
  annoncer(`Déplacement de ${enCours.rdv.nom}. Échap pour abandonner.`);
  suivre(e.clientX, e.clientY);
  requestAnimationFrame(defiler);
}

document.addEventListener("pointerdown", (e) => {
  const bloc = e.target.closest?.("[data-grille] .rdv[data-rdv]");
  if (!bloc || enCours || e.button !== 0 || !e.isPrimary || e.target.closest("button") || e.ctrlKey || e.metaKey || e.shiftKey) return;
  if (!deplacable(bloc)) return;
  pression = { bloc, x: e.clientX, y: e.clientY, pointeur: e.pointerId };
  if (e.pointerType === "touch") {
    pression.minuteur = setTimeout(() => {
      pression = null;
      avalerClic();
      porter(bloc);
    }, APPUI);
  }
});

document.addEventListener("pointermove", (e) => {
  if (enCours?.genre === "pointeur" && e.pointerId === enCours.pointeur) {
    suivre(e.clientX, e.clientY);
    return;
  }
  if (!pression || e.pointerId !== pression.pointeur) return;
  if (Math.hypot(e.clientX - pression.x, e.clientY - pression.y) < SEUIL) return;
  if (pression.minuteur) { // a finger that moves scrolls
    clearTimeout(pression.minuteur);
    pression = null;
  } else if (e.buttons & 1) {
    leverPointeur(e);
  } else {
    pression = null;
  }
});

/** The click that ends a drag opens nothing. */
function avalerClic() {
  const avaler = (e) => { e.preventDefault(); e.stopImmediatePropagation(); };
  addEventListener("click", avaler, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", avaler, { capture: true }), 700);
}

document.addEventListener("pointerup", (e) => {
  clearTimeout(pression?.minuteur);
  pression = null;
  if (aAvaler) avalerClic();
  aAvaler = false;
  if (enCours?.genre !== "pointeur" || e.pointerId !== enCours.pointeur) return;
  avalerClic();
  suivre(e.clientX, e.clientY);
  poser(enCours.cible);
});
document.addEventListener("pointercancel", () => {
  clearTimeout(pression?.minuteur);
  pression = null;
  if (enCours?.genre === "pointeur") abandonner();
});
addEventListener("blur", () => { if (enCours?.genre === "pointeur") abandonner(); });
document.addEventListener("dragstart", (e) => { if (e.target.closest?.("[data-grille]")) e.preventDefault(); });
document.addEventListener("contextmenu", (e) => {
  if (racine.hasAttribute("data-mode-deplacement") && e.target.closest?.("[data-grille]")) e.preventDefault();
});

// --- The keyboard ----------------------------------------------------------------------------------------------------

const parDistance = (rdv) => (a, b) => Math.abs(Number(a.dataset.m) - rdv.m) - Math.abs(Number(b.dataset.m) - rdv.m);

function ouvrirSiennes() {
  for (const p of siennes(enCours.rdv)) {
    p.dataset.sienne = "";
    p.hidden = false;
  }
}

function dresserBarre(rdv) {
  const barre = document.createElement("div");
  barre.className = "barre-deplacement";
  const p = document.createElement("p");
  p.textContent = `Déplacement de ${rdv.nom}, ${rdv.heure} : choisissez une place libre (flèches puis Entrée, ou un clic).`;
  const autre = document.createElement("a");
  autre.className = "fr-link";
  autre.href = `${rdv.table.dataset.urlRdv}${rdv.id}/deplacer`;
  autre.textContent = "Choisir une autre date";
  const fin = document.createElement("button");
  fin.type = "button";
  fin.className = "fr-btn fr-btn--sm fr-btn--secondary";
  fin.textContent = "Abandonner le déplacement";
  fin.addEventListener("click", () => abandonner());
  barre.append(p, autre, fin);
  (document.querySelector(".agenda-et-panneau") ?? rdv.table.closest("[data-flux]")).before(barre);
}

/** Carry a RDV from place to place. */
function porter(bloc) {
  if (!deplacable(bloc)) {
    annoncer("Ce rendez-vous ne peut plus être déplacé.");
    return;
  }
  commencer(bloc, "clavier");
  const { rdv } = enCours;
  ouvrirSiennes();
  const libres = [...rdv.table.querySelectorAll("a.place:not([hidden])")].filter((p) => !viserPlace(rdv, p).refus);
  const proche = libres.filter((p) => p.dataset.g === rdv.g).sort(parDistance(rdv))[0] ?? libres.sort(parDistance(rdv))[0];
  if (!proche) {
    const adresse = `${rdv.table.dataset.urlRdv}${rdv.id}/deplacer`;
    finir();
    location.assign(adresse); // no place here: the form has every date
    return;
  }
  racine.setAttribute("data-mode-deplacement", "");
  dresserBarre(rdv);
  aller(rdv.table, proche);
  annoncer(`Déplacement de ${rdv.nom}, ${rdv.heure}. Flèches pour choisir une place, Entrée pour la prendre, Échap pour abandonner.`);
}

/** Where a cell of the grid would lead the RDV: a free place, or the place of another RDV. */
const viserCase = (e) => (e.matches(".place") ? viserPlace(enCours.rdv, e) : viserRdv(enCours.rdv, e.closest(".rdv[data-rdv]")));

document.addEventListener("focusin", (e) => {
  if (enCours?.genre !== "clavier" || !e.target.matches?.("[data-grille] a.case")) return;
  enCours.cible = viserCase(e.target);
  montrer(enCours.rdv, enCours.cible);
});

addEventListener("click", (e) => {
  if (enCours?.genre !== "clavier") return;
  const cellule = e.target.closest?.("[data-grille] a.case");
  const cible = cellule && viserCase(cellule);
  if (!cible) return;
  e.preventDefault();
  e.stopImmediatePropagation();
  poser(cible);
}, { capture: true });

addEventListener("keydown", (e) => {
  if (!enCours || e.key !== "Escape") return;
  e.preventDefault();
  e.stopImmediatePropagation();
  aAvaler = enCours.genre === "pointeur";
  abandonner();
}, { capture: true });

if (document.querySelector("[data-flux] [data-grille], [data-flux]#agenda")) {
  raccourci("d", "Déplacer le rendez-vous", () => {
    const { rdv } = sousFocus();
    if (!rdv?.matches(".rdv") || enCours) return false;
    porter(rdv);
    return true;
  });
  raccourci("x", "Échanger le rendez-vous avec un autre", () => {
    const { rdv, table } = sousFocus();
    if (!rdv?.matches(".rdv") || enCours || !deplacable(rdv)) return false;
    location.assign(`${table.dataset.urlRdv}${rdv.dataset.rdv}/echanger`);
    return true;
  });
}

// --- What happens meanwhile ------------------------------------------------------------------------------------------

/** RDV that their usager himself has just moved or cancelled: the sentence must not blame a colleague. */
const parUsager = new Set();
document.addEventListener("flux:usager", ({ detail }) => parUsager.add(String(detail.rdv)));

const RETIRES = { "rdv.annule": "annulé", "rdv.replanifie": "déplacé", "rdv.arrive": "marqué arrivé" };

/** What has just become of the RDV being moved, and who did it. */
function direChange(rdv, bloc, trame) {
  const quoi = (String(trame?.rdv) === rdv.id && RETIRES[trame.type])
    || (!bloc ? "déplacé ou annulé" : bloc.dataset.etat === "prevu" ? "déplacé" : "modifié");
  const qui = parUsager.delete(rdv.id) ? "l’usager" : "un collègue";
  return `${rdv.nom}, ${rdv.heure} : ce rendez-vous vient d’être ${quoi} par ${qui}, déplacement abandonné.`;
}

/** Taken from under the hand: said in sight, where it takes the next key and the release of the button. */
function interrompre(phrase) {
  const { rdv, genre } = enCours;
  aAvaler = genre === "pointeur";
  finir();
  direEnVue(phrase, {
    alerte: true,
    ensuite: () => {
      const table = document.querySelector("[data-grille]");
      const cellule = blocDe(rdv.id)?.querySelector(".case") ?? table?.querySelector('.case[tabindex="0"]');
      if (cellule) aller(cellule.closest("[data-grille]"), cellule);
    },
  });
}

document.addEventListener("flux:change", ({ detail: { trame } }) => {
  if (enCours) {
    const { rdv, genre, x, y } = enCours;
    const bloc = blocDe(rdv.id);
    const intact = deplacable(bloc) && bloc.dataset.g === rdv.g && Number(bloc.dataset.m) === rdv.m && Number(bloc.dataset.d) === rdv.d;
    if (!intact) {
      interrompre(direChange(rdv, bloc, trame));
      return;
    }
    rdv.table = bloc.closest("[data-grille]");
    souleverBloc();
    if (genre === "pointeur") suivre(x, y);
    else {
      ouvrirSiennes();
      const cellule = document.activeElement?.closest?.("[data-grille] a.case");
      if (cellule) montrer(rdv, (enCours.cible = viserCase(cellule)));
    }
  }
  const pose = aFocaliser && blocDe(aFocaliser)?.querySelector(".case");
  if (pose && !document.querySelector("dialog[open]") && !pose.closest(".occupe")) {
    aFocaliser = "";
    aller(pose.closest("[data-grille]"), pose);
  }
});
