// The page's only WebSocket: one connection for all its live regions, whatever their subjects.
// It never sends anything. It says honestly, in the state line, whether what is shown is live.

import { caler, heure, maintenant } from "./horloge.js";
import { adresseConnexion, masquer } from "./masque.js";
import { mot } from "./mots.js";
import { Region } from "./region.js";

export { register } from "./registre.js";
export { preparer } from "./fragments.js";

/** Silence after which nothing is promised any more (a beat comes every 2 s), in milliseconds. */
const SILENCE = 4500;
/** A beat older than that is a clock put right, not an old beat. */
const AGE_MAX = 2500;
/** Silence after which the socket is given up: a cut network says nothing. */
const ABANDON = 6000;
const CONNEXION = 4000;
/** A region may be behind that long before the line says so. */
const INDULGENCE = 3000;
/** Without a socket, fragments are asked for at this pace. */
const SONDAGE = 10_000;
/** Longest wait between two tries: short for three minutes (a cut heals within seconds), then long. */
const PLAFONDS = [[180_000, 2500], [Infinity, 10_000]];

/** Subjects of one socket: the page's own come first, the header's count takes what they leave. */
const SUJETS_MAX = 20;

/** Frames that are whole pictures, not changes: the newest is enough, whatever came between. */
const INSTANTANES = new Set(["compteurs"]);

class Flux {
  constructor() {
    this.regions = [];
    /** The header's count of notices: it listens as they do, and is none of what the page shows. */
    this.entete = null;
    /** Subjects followed for the header alone, and whether some of its own are not. */
    this.enPlus = 0;
    this.coupe = false;
    this.socket = null;
    this.arret = "";
    this.etat = "attente";
    this.essais = 0;
    this.minuteur = 0;
    this.situes = new Set();
    this.dernierMessage = -Infinity;
    this.dernierFrais = -Infinity;
    this.perduDepuis = 0;
    this.dernierSondage = -Infinity;
  }

  /** Everything that listens. */
  get ecoutes() {
    return this.entete ? [...this.regions, this.entete] : this.regions;
  }

  /** Open the feed of every [data-flux] of the page, and of its [data-suit]. Without any, nothing happens. */
  demarrer() {
    this.regions = [...document.querySelectorAll("[data-flux]")].map((e) => new Region(e, this));
    const entete = document.querySelector("[data-suit]");
    if (entete) this.entete = new Region(entete, this);
    if (this.ecoutes.length === 0) return;
    this.donneesDe = maintenant();
    this.dernierMessage = this.dernierFrais = performance.now();
    this.perduDepuis = performance.now();
    this.zone = this.regions[0]?.element.dataset.zone ?? "Europe/Paris";
    this.ouvrir();
    setInterval(() => this.surveiller(), 200);
    addEventListener("online", () => this.presser());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.presser(); });
    addEventListener("pagehide", () => this.fermer());
    addEventListener("pageshow", (e) => {
      if (e.persisted && this.arret) location.reload(); // come back to after signing in again
    });
    addEventListener("pageshow", (e) => { if (e.persisted) { this.dernierMessage = performance.now(); this.presser(); } });
  }

  /** A region that came to the page after it was opened. Its subject is normally followed already: no new connection. */
  adopter(element) {
    const r = new Region(element, this);
    const connus = this.regions.filter((autre) => autre.epoque === r.epoque);
    const suivie = [...r.suivis].every(([sujet, s]) => {
      const autre = connus.find((c) => c.suivis.has(sujet));
      if (autre) s.entendre(autre.suivis.get(sujet).voulue);
      return Boolean(autre);
    });
    this.regions.push(r);
    if (!suivie) this.resuivre();
    else if (!r.atteinte) r.rafraichir(0);
  }

  /** Its region leaves the page, or must no longer change. */
  quitter(element) {
    const r = this.regions.find((x) => x.element === element);
    if (!r) return;
    this.regions = this.regions.filter((x) => x !== r);
    r.quittee = true;
    clearTimeout(r.minuteur);
    r.enVol?.abort();
  }

  /** Ask for a region again: its address has changed. */
  redemander(element) {
    this.regions.find((x) => x.element === element)?.rafraichir(0);
  }

  adresse() {
    const versions = new Map();
    const suivre = (sujet, s) => versions.set(sujet, Math.min(versions.get(sujet) ?? Infinity, s.version));
    for (const r of this.regions) r.suivis.forEach((s, sujet) => suivre(sujet, s));
    const propres = versions.size;
    this.coupe = false;
    for (const [sujet, s] of this.entete?.suivis ?? []) {
      if (versions.has(sujet) || versions.size < SUJETS_MAX) suivre(sujet, s);
      else this.coupe = true;
    }
    this.enPlus = versions.size - propres;
    if (versions.size === 0) return null;
    const url = new URL("/temps-reel", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    for (const [sujet, v] of versions) url.searchParams.append("sujet", v ? `${sujet}@${v}` : sujet);
    const epoque = this.ecoutes.find((r) => r.epoque)?.epoque;
    if (epoque) url.searchParams.set("epoque", epoque);
    return url;
  }

  ouvrir() {
    clearTimeout(this.minuteur);
    this.minuteur = 0;
    if (this.arret || this.socket) return;
    const adresse = this.adresse();
    if (!adresse) { // nothing is left that may be followed
      this.rompre("droits");
      return;
    }
    document.dispatchEvent(new CustomEvent("flux:suit"));
    const socket = new WebSocket(adresse);
    this.socket = socket;
    this.situes.clear();
    this.ouvert = false;
    this.debutEssai = performance.now();
    socket.onopen = () => {
      this.ouvert = true;
      this.dernierMessage = performance.now();
      for (const r of this.ecoutes) r.relancer();
    };
    socket.onmessage = (e) => { if (socket === this.socket) this.recevoir(e.data); };
    socket.onclose = (e) => { if (socket === this.socket) this.perdre(e.code); };
  }

  fermer() {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.minuteur);
    this.minuteur = 0;
    socket?.close();
  }

  /** The socket is gone (or given up): try again after a while that the close code and the past decide. */
  perdre(code) {
    const jamaisOuvert = !this.ouvert;
    this.fermer();
    this.perduDepuis ||= performance.now();
    // Which right was lost is not said: when it may be one that only the header follows, each fragment says.
    if (code === 4403 && this.enPlus === 0) this.rompre("droits");
    else if (code === 4403) for (const r of this.ecoutes) r.rafraichir(0);
    if (code === 4401) this.rompre("session");
    if (this.arret) return;
    this.essais += 1;
    // A handshake refused twice may be a session that ended: HTTP will say.
    if (jamaisOuvert && this.essais === 2) this.sonder();
    this.minuteur = setTimeout(() => this.ouvrir(), this.delai(code));
    this.afficher();
  }

  delai(code) {
    const hasard = Math.random();
    if (code === 1012 && this.essais === 1) return 200 + hasard * 2600;
    if (this.essais === 1) return 200 + hasard * 800;
    const depuis = performance.now() - this.perduDepuis;
    const plafond = code === 1008 ? 10_000 : PLAFONDS.find(([duree]) => depuis < duree)[1];
    const base = Math.min(plafond, 500 * 2 ** this.essais);
    return base * (0.4 + 0.6 * hasard);
  }

  /** Try at once: the network or the person is back. */
  presser() {
    if (this.arret || this.socket || this.ecoutes.length === 0) return;
    this.ouvrir();
  }

  recevoir(texte) {
    let trame;
    try {
      trame = JSON.parse(texte);
    } catch {
      return;
    }
    this.dernierMessage = performance.now();
    if (trame.par === "usager") document.dispatchEvent(new CustomEvent("flux:usager", { detail: trame }));
    if (trame.type === "frais") {
      this.entendreFrais(trame);
    } else if (trame.type === "etat") {
      this.situes.add(trame.sujet);
      this.pour(trame, (r) => r.situer(trame));
    } else if (trame.type === "resync") {
      this.pour(trame, (r) => r.resynchroniser(trame));
    } else if (INSTANTANES.has(trame.type)) {
      this.pour(trame, (r) => r.recevoirImage(trame));
    } else if (Number.isInteger(trame.version)) {
      this.pour(trame, (r) => r.recevoir(trame));
    }
    this.afficher();
  }

  /** The beat says since when the feed is known to work, which may be a while ago: silence counts from that instant. */
  entendreFrais({ a }) {
    const age = Math.min(Math.max(maintenant() - Date.parse(a), 0), AGE_MAX) || 0;
    this.dernierFrais = performance.now() - age;
    caler(a);
  }

  /** A region follows other subjects than before: the feed is asked for again, from what the page shows. */
  resuivre() {
    this.fermer();
    this.etat = "attente";
    this.ouvrir();
  }

  pour(trame, faire) {
    for (const r of this.ecoutes) if (r.suivis.has(trame.sujet)) faire(r);
  }

  /** Five times a second: silence, regions left behind, polling when there is no socket. */
  surveiller() {
    if (this.arret) return;
    const present = performance.now();
    const silence = present - this.dernierMessage;
    if (this.socket && !this.ouvert && present - this.debutEssai > CONNEXION) this.perdre(0);
    else if (this.socket && this.ouvert && silence > ABANDON) this.perdre(0);
    for (const r of this.ecoutes) {
      if (r.retard(present) > 2000 && !r.occupee) r.rafraichir(500);
      r.echoir();
    }
    if (this.etat === "perdu" && present - this.perduDepuis > SILENCE && present - this.dernierSondage > SONDAGE
      && !document.hidden) this.sonder();
    this.afficher();
  }

  /** Without the socket, HTTP may still answer: the page stays at most a few seconds behind. */
  sonder() {
    this.dernierSondage = performance.now() - Math.random() * 2000;
    for (const r of this.ecoutes) r.rafraichir(1000);
  }

  /** After an action of this page: its frame normally comes first; else the fragment says what happened. */
  apresAction() {
    const avant = this.regions.map((r) => r.position);
    setTimeout(() => {
      this.regions.forEach((r, i) => { if (r.position === avant[i]) r.rafraichir(0); });
    }, this.etat === "direct" ? 1500 : 0);
  }

  changee(region, trame) {
    document.dispatchEvent(new CustomEvent("flux:change", { detail: { element: region.element, trame } }));
  }

  reussie() {
    if (this.etat !== "direct") this.donneesDe = maintenant();
    this.afficher();
  }

  /** The right to an annex of the page is withdrawn, the page's own is not known to be: only that region is emptied. */
  lacher(region) {
    this.regions = this.regions.filter((r) => r !== region);
    clearTimeout(region.minuteur);
    region.element.replaceChildren();
    delete region.element.dataset.flux;
    this.afficher();
  }

  /** "droits" or "session": the feed stops for good, what was shown is hidden, and the line says what to do. */
  rompre(raison) {
    if (this.arret || this.ecoutes.length === 0) return;
    this.arret = raison;
    this.fermer();
    for (const r of this.ecoutes) clearTimeout(r.minuteur);
    if (this.regions.length) masquer(this.regions.map((r) => r.element), raison);
    document.dispatchEvent(new CustomEvent("flux:arret"));
    this.afficher();
  }

  calculer() {
    if (this.arret) return "arret";
    const present = performance.now();
    // Only the beat says that the feed lives: a resync also comes by the slow way round a dead Redis, and a socket may
    // open on a gateway that hears nothing.
    const muet = present - this.dernierFrais > SILENCE;
    if (!this.socket || !this.ouvert || muet) return this.etat === "attente" && !muet ? "attente" : "perdu";
    const situe = this.regions.every((r) => [...r.suivis.keys()].every((sujet) => this.situes.has(sujet)));
    const suivi = this.ecoutes.every((r) => (this.etat === "direct"
      ? r.retard(present) <= INDULGENCE : r.rejointe(this.debutEssai, present, INDULGENCE)));
    return situe && suivi ? "direct" : this.etat === "direct" ? "perdu" : this.etat;
  }

  afficher() {
    this.etat = this.calculer();
    if (this.etat === "direct") {
      this.donneesDe = maintenant();
      this.essais = 0;
      this.perduDepuis = 0;
    } else {
      this.perduDepuis ||= performance.now();
    }
    const ligne = document.getElementById("direct");
    const patiente = this.regions.some((r) => r.patiente);
    if (ligne) ecrireLigne(ligne, this.etat, this.arret, heure(this.donneesDe, this.zone), patiente);
  }
}

function ecrireLigne(ligne, etat, arret, h, patiente) {
  const dit = ligne.querySelector(".direct__mot");
  const phrase = {
    attente: mot("Connexion…"),
    direct: mot(patiente ? "En direct, relecture dans quelques secondes" : "En direct"),
    perdu: mot("Connexion perdue – données de {heure}", { heure: h }),
    arret: arret === "session" ? "Session terminée. " : "Accès retiré",
  }[etat];
  if (ligne.dataset.direct === etat && ligne.dataset.phrase === phrase) return;
  ligne.dataset.direct = etat;
  ligne.dataset.phrase = phrase;
  dit.textContent = phrase;
  if (etat === "arret" && arret === "session") {
    const lien = document.createElement("a");
    lien.href = adresseConnexion();
    lien.textContent = "Se reconnecter";
    dit.append(lien);
  }
  document.dispatchEvent(new CustomEvent("flux:etat", { detail: { etat } }));
}

export const flux = new Flux();
