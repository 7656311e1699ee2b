// How far a region has followed one subject: the version shown, and the last one heard of. No DOM, no network.

export class Suivi {
  constructor(version) {
    this.version = version;
    this.voulue = version;
  }

  get aJour() {
    return this.version >= this.voulue;
  }

  /** Something of that version exists. */
  entendre(version) {
    if (version > this.voulue) this.voulue = version;
  }

  /** What a versioned frame is to this region: "connue", "suivante", or "trou" (some before it are missing). */
  juger(version) {
    if (version <= this.version) return "connue";
    return version === this.version + 1 ? "suivante" : "trou";
  }
}

/**
 * Subject → Suivi, from `data-flux="service:12 service:13"` and `data-version="345 12"`, in the same order. The header's
 * count, which every page has besides its own regions, says `data-suit`.
 */
export function lireSuivis(element) {
  const sujets = (element.dataset.flux ?? element.dataset.suit ?? "").split(" ").filter(Boolean);
  const versions = (element.dataset.version ?? "").split(" ");
  return new Map(sujets.map((sujet, i) => [sujet, new Suivi(Number(versions[i]) || 0)]));
}
