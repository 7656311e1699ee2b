// The page's clock: the server's time (this computer's may be wrong), and everything that time changes on a page.
// Fragments never depend on the present moment; `decorer` adds lateness, waits and past rows to the live page and to a
// fetched fragment alike, before they are compared.

/** Minutes after its hour from which an expected RDV is late. */
export const TOLERANCE = 5;
/** Minutes before its hour from which an expected RDV is « maintenant ». */
export const APPROCHE = 15;
/** Minutes of waiting from which patience is called long. */
export const PATIENCE = 15;

let decalage = 0;
let cale = false;

/** Take the server's instant (ISO 8601). A late delivery can only make it look early: the largest offset is kept. */
export function caler(iso) {
  const mesure = Date.parse(iso) - Date.now();
  if (Number.isNaN(mesure)) return;
  if (!cale || mesure > decalage || decalage - mesure > 2000) decalage = mesure;
  cale = true;
}

/** The present instant, in milliseconds since the Unix epoch, by the server's clock. */
export const maintenant = () => Date.now() + decalage;

const formats = new Map();

/** « 10:42 », in a zone. */
export function heure(instant, zone) {
  if (!formats.has(zone)) {
    formats.set(zone, new Intl.DateTimeFormat("fr-FR", { timeZone: zone, hour: "2-digit", minute: "2-digit" }));
  }
  return formats.get(zone).format(instant);
}

/** « lundi 23 novembre 2026, 10:42 », in a zone. */
function dateEtHeure(instant, zone) {
  const date = new Intl.DateTimeFormat("fr-FR", {
    timeZone: zone, weekday: "long", day: "numeric", month: "long", year: "numeric",
  }).format(instant);
  return `${date.replace(/(^|\s)1 /, "$11er ")}, ${heure(instant, zone)}`;
}

/** « moins d’1 min », « 4 min », « 1 h 05 ». */
export function duree(ms) {
  const minutes = Math.floor(ms / 60000);
  if (minutes < 1) return "moins d’1 min";
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
}

/** "retard", "maintenant" or "avenir": where an expected RDV stands. */
export function moment(rdv, instant) {
  const minutes = instant / 60000 - Number(rdv.dataset.m);
  if (minutes >= TOLERANCE) return "retard";
  return minutes >= -APPROCHE ? "maintenant" : "avenir";
}

function attente(rdv, instant) {
  const { etat, m, arriveA, appeleA, recuA } = rdv.dataset;
  const depuis = (iso) => duree(Math.max(0, instant - Date.parse(iso)));
  if (etat === "prevu" && moment(rdv, instant) === "retard") return `en retard de ${duree(instant - Number(m) * 60000)}`;
  if (etat === "arrive" && arriveA) return `attend depuis ${depuis(arriveA)}`;
  if (etat === "appele" && appeleA) return `il y a ${depuis(appeleA)}`;
  if (etat === "recu" && recuA) return `depuis ${depuis(recuA)}`;
  return "";
}

function ponctualite(rdv) {
  const { arriveA, m } = rdv.dataset;
  if (!arriveA) return "";
  const ecart = Date.parse(arriveA) - Number(m) * 60000;
  if (ecart <= -60000) return `arrivé ${duree(-ecart)} en avance`;
  return ecart < 60000 ? "arrivé à l’heure" : `arrivé ${duree(ecart)} en retard`;
}

/** « 12 min d’avance », « 8 min de retard », or nothing for who came on the hour (to five minutes), with its kind. */
function venue(rdv) {
  const { arriveA, m } = rdv.dataset;
  const ecart = arriveA ? Date.parse(arriveA) - Number(m) * 60000 : 0;
  if (ecart <= -TOLERANCE * 60000) return ["avance", `${duree(-ecart)} d’avance`];
  if (ecart >= TOLERANCE * 60000) return ["retard", `${duree(ecart)} de retard`];
  return ["", ""];
}

function direVenue(element, rdv) {
  if (!element) return;
  const [genre, texte] = venue(rdv);
  if (element.dataset.venue !== genre) element.dataset.venue = genre;
  ecrire(element, texte);
}

const formatsJour = new Map();

/** « 2026-11-23 »: the local date of an instant. */
export function jourLocal(instant, zone) {
  if (!formatsJour.has(zone)) {
    formatsJour.set(zone, new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }));
  }
  return formatsJour.get(zone).format(instant);
}

/** The column or the cell of today. */
function marquerAujourdhui(racine, instant) {
  for (const e of racine.querySelectorAll("[data-jour]")) {
    const zone = e.closest("[data-zone]")?.dataset.zone ?? "Europe/Paris";
    marquer(e, "data-aujourdhui", e.dataset.jour === jourLocal(instant, zone));
  }
}

/** Write a text only when it changes: screen readers and observers see no noise. */
function ecrire(element, texte) {
  if (element && element.textContent !== texte) element.textContent = texte;
}

/** Set or remove a valueless data- attribute. */
function marquer(element, nom, vrai) {
  if (element.hasAttribute(nom) !== vrai) element.toggleAttribute(nom, vrai);
}

const attendu = (bouton) => {
  const rdv = bouton.closest("[data-rdv]");
  return rdv ? rdv.dataset.etat === "prevu" : true;
};

/** A button with data-des waits for that epoch minute while its RDV is expected: nobody is absent before his hour. */
function ouvrir(racine, instant) {
  for (const bouton of racine.querySelectorAll("[data-des]")) {
    const tot = attendu(bouton) && instant < Number(bouton.dataset.des) * 60000;
    if (bouton.hidden !== tot) bouton.hidden = tot;
  }
}

/** Milliseconds until the next button opens by itself, or Infinity. */
export function prochaineOuverture(racine, instant = maintenant()) {
  const delais = [...racine.querySelectorAll("[data-des][hidden]")].map((b) => Number(b.dataset.des) * 60000 - instant);
  return Math.min(...delais.filter((d) => d > 0), Infinity);
}

/** Everything that the present instant changes below `racine` (itself included), live or not yet inserted. */
export function decorer(racine, instant = maintenant()) {
  for (const rdv of racine.querySelectorAll("[data-rdv]")) {
    marquer(rdv, "data-retard", rdv.dataset.etat === "prevu" && moment(rdv, instant) === "retard");
    const longue = rdv.dataset.etat === "arrive" && instant - Date.parse(rdv.dataset.arriveA) >= PATIENCE * 60000;
    if (longue) rdv.dataset.patience = "longue";
    else rdv.removeAttribute("data-patience");
    ecrire(rdv.querySelector("[data-attente]"), attente(rdv, instant));
    ecrire(rdv.querySelector("[data-ponctualite]"), ponctualite(rdv));
    direVenue(rdv.querySelector("[data-venue]"), rdv);
  }
  ouvrir(racine, instant);
  for (const e of racine.querySelectorAll("[data-jusqua]")) { // a place offered until its hour
    const passe = instant >= Number(e.dataset.jusqua) * 60000;
    if (e.hidden !== passe) e.hidden = passe;
  }
  marquerAujourdhui(racine, instant);
  for (const table of racine.querySelectorAll("[data-grille][data-m0]")) {
    const { m0, pas } = table.dataset;
    table.querySelectorAll("tbody tr").forEach((ligne, i) => {
      marquer(ligne, "data-passe", (Number(m0) + (i + 1) * Number(pas)) * 60000 <= instant);
    });
  }
  for (const e of racine.querySelectorAll("[data-depuis]")) {
    ecrire(e, duree(Math.max(0, instant - Date.parse(e.dataset.depuis))));
  }
  for (const e of racine.querySelectorAll("[data-horloge]")) ecrire(e, dateEtHeure(instant, e.dataset.zone));
}

/** Where the present moment is in a grid: its row, and the columns that the line crosses. Null outside of it. */
function situer(table, instant) {
  const lignes = table.tBodies[0].rows;
  const entetes = [...table.tHead.rows[0].cells].slice(1);
  const rang = (m0) => (instant / 60000 - Number(m0)) / Number(table.dataset.pas);
  const dedans = (m0) => m0 !== "" && rang(m0) >= 0 && rang(m0) < lignes.length;
  if (table.dataset.m0) return dedans(table.dataset.m0) ? { rang: rang(table.dataset.m0), lignes, entetes } : null;
  const jour = entetes.find((th) => th.dataset.m0 && dedans(th.dataset.m0));
  return jour ? { rang: rang(jour.dataset.m0), lignes, entetes: [jour] } : null;
}

/** The red line of the present moment, across a day's grid, in today's column of a week. */
export function tracer(instant = maintenant()) {
  for (const trait of document.querySelectorAll("[data-maintenant]")) {
    const table = trait.parentElement.querySelector("table[data-pas]");
    const ici = table && situer(table, instant);
    trait.hidden = !ici;
    if (!ici) continue;
    const ligne = ici.lignes[Math.floor(ici.rang)];
    const [premier, dernier] = [ici.entetes[0], ici.entetes.at(-1)];
    trait.style.top = `${Math.round(ligne.offsetTop + (ici.rang % 1) * ligne.offsetHeight)}px`;
    trait.style.left = `${premier.offsetLeft}px`;
    trait.style.width = `${dernier.offsetLeft + dernier.offsetWidth - premier.offsetLeft}px`;
  }
}

/** Scroll the day grids so that the present moment is in sight, once, when the page opens. */
export function montrerMaintenant() {
  for (const trait of document.querySelectorAll("[data-maintenant]:not([hidden])")) {
    const cadre = trait.parentElement;
    if (location.hash) continue; // an hour was asked for
    cadre.scrollTop = Math.max(0, trait.offsetTop - cadre.clientHeight / 3);
  }
}
