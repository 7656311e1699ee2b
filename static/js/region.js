// One live region: its version, the frames that wait for their turn, and its refreshes.
// The rule: state + events == fresh state. A frame is applied only when it is the very next one; anything else is
// ignored (already known) or leads to the fragment.

import { FragmentIndisponible, poser, telecharger } from "./fragments.js";
import { appliquer } from "./registre.js";
import { actionRecente } from "./propres.js";

/** Spread of the refreshes that many screens make at once, in milliseconds. */
const DISPERSION = 1500;
/** Least time between two refreshes of one region, in milliseconds. */
const ESPACEMENT = 250;
const MEMOIRE = 500;

export class Region {
  /** `hote` gives `changee(region, trame|null)`, `rompre(raison)` and `reussie(region)`. */
  constructor(element, hote) {
    this.element = element;
    this.hote = hote;
    this.sujet = element.dataset.flux;
    this.version = Number(element.dataset.version) || 0;
    this.epoque = element.dataset.epoque ?? "";
    this.voulue = this.version;
    this.epoqueVoulue = this.epoque;
    this.attente = [];
    this.echecs = 0;
    this.debutRetard = 0;
    this.dernierePose = -Infinity;
    this.minuteur = 0;
    this.echeance = 0;
    this.enVol = null;
  }

  /** True when the region shows the last version that it has heard of. */
  get aJour() {
    return this.version >= this.voulue && this.epoque === this.epoqueVoulue && !this.enVol && !this.minuteur;
  }

  /** Since when it is behind, in milliseconds (0 when it is not): a short refresh is not worth a banner. */
  retard(present) {
    if (this.aJour) this.debutRetard = 0;
    else if (!this.debutRetard) this.debutRetard = present;
    return this.debutRetard ? present - this.debutRetard : 0;
  }

  /** First frame of a connection: where the server stands. Missed events or a resync follow. */
  situer({ version, epoque }) {
    if (!this.epoque) this.epoque = this.epoqueVoulue = epoque ?? "";
    if (epoque && epoque !== this.epoqueVoulue) {
      this.changerEpoque(epoque, version);
    } else if (version > this.voulue) {
      this.voulue = version;
    }
  }

  /** The server cannot give the missed events: take the fragment. */
  resynchroniser({ version, epoque }) {
    if (epoque && epoque !== this.epoqueVoulue) this.changerEpoque(epoque, version);
    else this.voulue = Math.max(this.voulue, version ?? 0);
    if (this.version < this.voulue || this.epoque !== this.epoqueVoulue) this.rafraichir(DISPERSION);
  }

  changerEpoque(epoque, version) {
    this.epoqueVoulue = epoque;
    this.voulue = version ?? 0;
    this.attente = [];
    this.rafraichir(DISPERSION);
  }

  /** A versioned frame of the subject. */
  recevoir(trame) {
    if (this.epoque === this.epoqueVoulue && trame.version <= this.version) return;
    this.voulue = Math.max(this.voulue, trame.version);
    if (this.minuteur || this.enVol || this.epoque !== this.epoqueVoulue) {
      this.retenir(trame);
    } else if (trame.version > this.version + 1) {
      this.retenir(trame);
      this.rafraichir(DISPERSION);
    } else {
      this.passer(trame);
    }
  }

  retenir(trame) {
    this.attente.push(trame);
    if (this.attente.length > MEMOIRE) this.attente.shift();
  }

  passer(trame) {
    if (appliquer(trame, this.element)) {
      this.version = trame.version;
      this.element.dataset.version = String(trame.version);
      this.hote.changee(this, trame);
    } else {
      this.rafraichir(100);
    }
  }

  /** Ask for the fragment, once, within `dispersion` milliseconds (at once after an action of this page). */
  rafraichir(dispersion = 0) {
    if (this.enVol) return;
    const tot = Math.max(0, this.dernierePose + ESPACEMENT - performance.now());
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
    try {
      this.installer(await telecharger(this.element, this.enVol.signal));
    } catch (raison) {
      definitif = raison.definitif ?? "";
      if (!(raison instanceof FragmentIndisponible)) console.error(raison);
      this.enVol = null;
      if (definitif) this.hote.rompre(definitif);
      else this.reessayer();
      return;
    }
    this.enVol = null;
    this.reprendre();
  }

  /** The network is back: a request made while it was away may hang for long, ask again. */
  relancer() {
    this.echecs = 0;
    this.enVol?.abort();
  }

  installer(neuf) {
    const version = Number(neuf.dataset.version) || 0;
    const epoque = neuf.dataset.epoque ?? "";
    const recule = epoque === this.epoque && version < this.version;
    if (recule) return;
    poser(this.element, neuf);
    this.version = version;
    this.epoque = epoque;
    this.dernierePose = performance.now();
    this.hote.changee(this, null);
  }

  /** After a fragment: the frames that came meanwhile, then what is still missing. */
  reprendre() {
    const attente = this.attente.sort((a, b) => a.version - b.version);
    this.attente = [];
    for (const trame of attente) this.recevoir(trame);
    if (this.aJour) {
      this.echecs = 0;
      this.hote.reussie(this);
    } else if (!this.minuteur) {
      this.reessayer();
    }
  }

  reessayer() {
    this.echecs += 1;
    const attente = Math.min(5000, 200 * 2 ** this.echecs) * (0.5 + Math.random() / 2);
    clearTimeout(this.minuteur);
    this.echeance = performance.now() + attente;
    this.minuteur = setTimeout(() => this.prendre(), attente);
  }
}
