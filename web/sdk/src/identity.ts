import * as base64url from "./base64url.js";

const CURVE: EcKeyImportParams = { name: "ECDH", namedCurve: "P-256" };
const DATABASE = "peerline";
const STORE = "identity";
const RECORD = "own";

/** The key pair that one is invited by: made on first use, kept by the browser, its private half never readable. */
export class Identity {
  /** 65 bytes, uncompressed, in base64url. */
  readonly publicKey: string;
  readonly #privateKey: CryptoKey;

  private constructor(publicKey: string, privateKey: CryptoKey) {
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  static async fromKeyPair(pair: CryptoKeyPair): Promise<Identity> {
    const bytes = await crypto.subtle.exportKey("raw", pair.publicKey);
    return new Identity(base64url.encode(new Uint8Array(bytes)), pair.privateKey);
  }

  /** This browser's identity for this site; where nothing can be stored, a new one. */
  static async load(): Promise<Identity> {
    const fresh = (await crypto.subtle.generateKey(CURVE, false, ["deriveBits"])) as CryptoKeyPair;
    return Identity.fromKeyPair(await keep(fresh).catch(() => fresh));
  }

  /** The secret shared with the owner of another key (ECDH). */
  async agree(publicKey: CryptoKey): Promise<ArrayBuffer> {
    return crypto.subtle.deriveBits({ name: "ECDH", public: publicKey }, this.#privateKey, 256);
  }
}

/** Reads a public key in the form of {@link Identity.publicKey}; rejects if it is not a point of the curve. */
export async function importPublicKey(publicKey: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", publicKey, CURVE, true, []);
}

/** Stores `fresh` unless a pair is stored already, in one transaction: two tabs that open at once get the same. */
async function keep(fresh: CryptoKeyPair): Promise<CryptoKeyPair> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    const store = database.transaction(STORE, "readwrite").objectStore(STORE);
    const stored = (await settled(store.get(RECORD))) as CryptoKeyPair | undefined;
    if (stored) return stored;
    await settled(store.put(fresh, RECORD));
    return fresh;
  } finally {
    database.close();
  }
}

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
