// One live region: its version of each subject it follows, the frames that wait for their turn, and its refreshes.
// The rule: state + events == fresh state. A frame is applied only when it is the very next one; anything else is
// ignored (already known) or leads to the fragment.

import { FragmentIndisponible, poser, telecharger } from "./fragments.js";
import { maintenant } from "./horloge.js";
import { actionRecente } from "./propres.js";
import { appliquer, esquisser } from "./registre.js";
import { lireSuivis } from "./suivi.js";

/** Spread of the refreshes that many screens make at once, in milliseconds. */
const DISPERSION = 1500;
/** Least time between two refreshes of one region, in milliseconds. */
const ESPACEMENT = 250;
const MEMOIRE = 500;
/** So many frames in so long, in milliseconds, are a crowd. */
const FOULE = 10;
const FOULE_DUREE = 2000;
/** Least time between two refreshes of a region whose day is over, in milliseconds. */
const REVEIL = 5000;

export class Region {
  /** `hote` gives `changee(region, trame|null)`, `rompre(raison)` and `reussie(region)`. */
  constructor(element, hote) {
    this.element = element;
    this.hote = hote;
    this.suivis = lireSuivis(element);
    this.epoque = element.dataset.epoque ?? "";
    this.epoqueVoulue = this.epoque;
    this.attente = [];
    /** When the last frames came, the oldest first. */
    this.trames = [];
    this.echecs = 0;
    this.debutRetard = 0;
    this.dernierePose = -Infinity;
    this.derniereAvance = -Infinity;
    this.minuteur = 0;
    this.echeance = 0;
    this.enVol = null;
    /** True once the page follows it no more. */
    this.quittee = false;
  }

  /** True when the last version heard of was reached, on each subject. */
  get atteinte() {
    return this.epoque === this.epoqueVoulue && [...this.suivis.values()].every((s) => s.aJour);
  }

  /** True when the region shows the last version that it has heard of. */
  get aJour() {
    return this.atteinte && !this.occupee;
  }

  /** True while its fragment is awaited, or about to be asked for. */
  get occupee() {
    return Boolean(this.enVol || this.minuteur);
  }

  /** What it shows of each subject, as data-version holds it. */
  get position() {
    return [...this.suivis.values()].map((s) => s.version).join(" ");
  }

  /** Least time between two refreshes: longer while a crowd moves, where every frame may ask for one (data-foule). */
  get espacement() {
    const foule = Number(this.element.dataset.foule);
    if (foule && this.trames.length >= FOULE && performance.now() - this.trames[0] < FOULE_DUREE) return foule;
    return Number(this.element.dataset.espacement) || ESPACEMENT;
  }

  /** True while it waits, as it must, for its next refresh: where a crowd moves, each page asks seldom (data-foule). */
  get patiente() {
    return Boolean(this.minuteur) && !this.echecs && this.espacement > ESPACEMENT && "foule" in this.element.dataset;
  }

  /** Since when it is behind, in milliseconds (0 when it is not): a short refresh is not worth a banner. */
  retard(present) {
    if (this.aJour || this.patiente) this.debutRetard = 0;
    else if (!this.debutRetard) this.debutRetard = present;
    return this.debutRetard ? present - this.debutRetard : 0;
  }

  /** True when nothing older than `depuis` is shown, a moment's lateness apart. */
  rejointe(depuis, present, indulgence) {
    return this.aJour || (this.derniereAvance > depuis && this.retard(present) <= indulgence);
  }

  /** First frame of a connection: where the server stands. Missed events or a resync follow. */
  situer({ sujet, version, epoque }) {
    if (!this.epoque) this.epoque = this.epoqueVoulue = epoque ?? "";
    if (epoque && epoque !== this.epoqueVoulue) this.changerEpoque(epoque, sujet, version);
    else this.suivis.get(sujet).entendre(version ?? 0);
  }

  /** The server cannot give the missed events: take the fragment. */
  resynchroniser({ sujet, version, epoque }) {
    if (epoque && epoque !== this.epoqueVoulue) this.changerEpoque(epoque, sujet, version);
    else this.suivis.get(sujet).entendre(version ?? 0);
    if (!this.atteinte) this.rafraichir(DISPERSION);
  }

  changerEpoque(epoque, sujet, version) {
    this.epoqueVoulue = epoque;
    for (const s of this.suivis.values()) s.voulue = 0;
    this.suivis.get(sujet).entendre(version ?? 0);
    this.attente = [];
    this.rafraichir(DISPERSION);
  }

  /** A versioned frame of one of the subjects. `image`: a whole picture, whatever came before it. */
  recevoir(trame, image = false) {
    const suivi = this.suivis.get(trame.sujet);
    this.trames = [...this.trames.slice(1 - FOULE), performance.now()];
    if (!suivi) return; // kept while the fragment came, of a subject that it follows no more
    const jugee = suivi.juger(trame.version);
    if (this.epoque === this.epoqueVoulue && jugee === "connue") return;
    suivi.entendre(trame.version);
    if (this.occupee || this.epoque !== this.epoqueVoulue) {
      this.retenir(trame, image);
    } else if (jugee === "trou" && !image) {
      this.retenir(trame, image);
      this.rafraichir(DISPERSION);
    } else {
      this.passer(trame);
    }
  }

  /** A picture of the whole (the counters): only the newest counts, and an older one never makes the page go back. */
  recevoirImage(trame) {
    this.recevoir(trame, true);
  }

  retenir(trame, image) {
    if (!image) esquisser(trame, this.element);
    this.attente.push({ trame, image });
    if (this.attente.length > MEMOIRE) this.attente.shift();
  }

  passer(trame) {
    if (appliquer(trame, this.element)) {
      this.suivis.get(trame.sujet).version = trame.version;
      this.element.dataset.version = this.position;
      this.hote.changee(this, trame);
    } else {
      this.rafraichir(100);
    }
  }

  /** Ask for the fragment, once, within `dispersion` milliseconds (at once after an action of this page). */
  rafraichir(dispersion = 0) {
    if (this.enVol || this.hote.arret || this.quittee) return;
    const tot = Math.max(0, this.dernierePose + this.espacement - performance.now());
    const attente = tot + (actionRecente() ? 0 : Math.random() * dispersion);
    const echeance = performance.now() + attente;
    if (this.minuteur && this.echeance <= echeance) return;
    clearTimeout(this.minuteur);
    this.echeance = echeance;
    this.minuteur = setTimeout(() => this.prendre(), attente);
  }

  async prendre() {
    this.minuteur = 0;
    this.enVol = new AbortController();
    let definitif = "";
    let avance = false;
    try {
      const neuf = await telecharger(this.element, this.enVol.signal);
      if (this.hote.arret || this.quittee) return; // hidden meanwhile: nothing comes back to the screen
      avance = this.installer(neuf);
    } catch (raison) {
      definitif = raison.definitif ?? "";
      if (!(raison instanceof FragmentIndisponible)) console.error(raison);
      this.enVol = null;
      if (this.quittee) return;
      if (definitif === "droits" && "annexe" in this.element.dataset) this.hote.lacher(this);
      else if (definitif) this.hote.rompre(definitif);
      else if (!this.hote.arret) this.reessayer();
      return;
    }
    this.enVol = null;
    this.reprendre(avance);
  }

  /** The network is back: a request made while it was away may hang for long, ask again. */
  relancer() {
    this.echecs = 0;
    this.enVol?.abort();
  }

  /** Another day has begun where the region is (data-expire, in epoch minutes): what it shows is over. */
  echoir() {
    const fin = Number(this.element.dataset.expire) * 60_000;
    if (!(maintenant() >= fin) || this.occupee) return;
    if (performance.now() - this.dernierePose > REVEIL) this.rafraichir(DISPERSION);
  }

  /** Lay a fresh element, unless it is older than what is shown. Returns true when it brought something newer. */
  installer(neuf) {
    const frais = lireSuivis(neuf);
    const epoque = neuf.dataset.epoque ?? "";
    const ecarts = [...this.suivis].map(([sujet, s]) => (frais.get(sujet)?.version ?? s.version) - s.version);
    const recule = ecarts.some((e) => e < 0);
    const avance = epoque !== this.epoque || ecarts.some((e) => e > 0) || (this.estAutre(frais) && !recule);
    if (!avance && recule) return false;
    poser(this.element, neuf);
    if (this.estAutre(frais)) {
      this.suivis = frais; // another place was added to what it shows, or left it
      this.hote.resuivre(this);
    } else {
      for (const [sujet, s] of this.suivis) s.version = frais.get(sujet).version;
    }
    this.epoque = epoque;
    this.dernierePose = performance.now();
    if (avance) {
      this.derniereAvance = this.dernierePose;
      this.debutRetard = 0;
    }
    this.hote.changee(this, null);
    return avance;
  }

  /** True when a fresh element follows other subjects than this one. */
  estAutre(frais) {
    return [...this.suivis.keys()].sort().join(" ") !== [...frais.keys()].sort().join(" ");
  }

  /** After a fragment: the frames that came meanwhile, then what is still missing. */
  reprendre(avance) {
    const attente = this.attente.sort((a, b) => a.trame.version - b.trame.version);
    this.attente = [];
    for (const { trame, image } of attente) this.recevoir(trame, image);
    if (avance) this.echecs = 0;
    if (this.aJour) this.hote.reussie(this);
    else if (avance) this.rafraichir(100);
    else this.reessayer();
  }

  reessayer() {
    this.echecs += 1;
    const attente = Math.min(5000, 200 * 2 ** this.echecs) * (0.5 + Math.random() / 2);
    clearTimeout(this.minuteur);
    this.echeance = performance.now() + attente;
    this.minuteur = setTimeout(() => this.prendre(), attente);
  }
}
