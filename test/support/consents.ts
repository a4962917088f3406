import { seal, sealFaults, sha256Hex } from '../../compliance/consent/seal.ts'
import { VersionMismatch, type ConsentStore, type NewConsent } from '../../api/needs.ts'
import { keptConsent, type Consent, type GivenConsent, type KeptConsent } from '../../model/consent.ts'
import { newId, type AccountId, type ConsentId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

/** A consent of one seller to calls, as screening and auctions see it. */
export function givenConsent(change: Partial<GivenConsent> = {}): GivenConsent {
  return {
    id: 'c' as ConsentId,
    givenAtMs: 0,
    certificates: [],
    certifiedAtMs: 0,
    sellers: 1,
    accounts: [],
    zip: null,
    ...change,
  }
}

/** One as gateways keep it, for calls, without end. */
export function aKeptConsent(number: string, accounts: readonly string[], change: Partial<KeptConsent> = {}) {
  return {
    id: newId<ConsentId>(),
    number: number as PhoneNumber,
    givenAtMs: Date.parse('2026-01-01T00:00:00Z'),
    expiresAtMs: null,
    revokedAtMs: null,
    channels: ['call'],
    certificates: [],
    certifiedAtMs: Date.parse('2026-01-01T00:00:00Z'),
    sellers: accounts.length,
    accounts: accounts as AccountId[],
    zip: null,
    ...change,
  } satisfies KeptConsent
}

/** The store of api/needs.ts in memory; `onKept` hears of each consent as gateways do. */
export function memoryConsents(onKept: (consents: readonly KeptConsent[]) => void = () => {}): ConsentStore {
  const versions = new Map<ConsentId, Consent[]>()
  const fingerprints = new Set<string>()
  const latest = () => [...versions.values()].map((list) => list.at(-1)!).toSorted((a, b) => (a.id < b.id ? 1 : -1))
  const keep = (consent: Consent): void => {
    const list = [...(versions.get(consent.id) ?? []), consent]
    const faults = sealFaults(list)
    if (faults.length > 0) throw new Error(faults.join('; '))
    versions.set(consent.id, list)
    onKept([keptConsent(consent)])
  }
  return {
    async add(consents: readonly NewConsent[]) {
      const kept = new Set<ConsentId>()
      for (const { consent, fingerprint } of consents) {
        if (fingerprints.has(fingerprint)) continue
        fingerprints.add(fingerprint)
        keep(consent)
        kept.add(consent.id)
      }
      return kept
    },
    async change(next) {
      for (const { id, version } of next)
        if (versions.get(id)?.at(-1)?.version !== version - 1) throw new VersionMismatch('it has changed')
      next.forEach(keep)
    },
    forgetEnded: async () => 0,
    find: async (id) => versions.get(id)?.at(-1) ?? null,
    history: async (id) => versions.get(id) ?? [],
    ofNumber: async (number, limit) =>
      latest()
        .filter((consent) => consent.number === number)
        .slice(0, limit),
    async list({ limit, cursor }) {
      const rest = latest().filter(({ id }) => cursor === null || id < cursor)
      const data = rest.slice(0, limit)
      return { data, nextCursor: rest.length > limit ? data.at(-1)!.id : null }
    },
  }
}

/** A first version with every field, sealed. */
export function aConsent(change: Partial<Consent> = {}): Consent {
  const { disclosure = 'I agree that Acme Solar may call me.\nAlso by machine.', shown = '<form>…</form>' } = change
  return seal({
    id: newId<ConsentId>(),
    version: 1,
    deed: 'captured',
    at: new Date('2026-11-20T10:00:01.234Z'),
    by: 'user 1',
    number: '+12125550123' as PhoneNumber,
    name: 'Jane Doe',
    zip: '02134',
    sellers: [{ name: 'Acme Solar', accountId: null }],
    disclosure,
    disclosureSha256: sha256Hex(disclosure),
    pageUrl: 'https://solar.example/quote',
    ip: '192.0.2.7',
    userAgent: 'Mozilla/5.0',
    givenAt: new Date('2026-11-20T10:00:00.000Z'),
    formSnapshot: 's3://forms/1',
    certificates: [{ kind: 'trustedform', token: 'ab'.repeat(20), issuedAt: new Date('2026-11-20T09:59:00Z') }],
    channels: ['call', 'autodial'],
    purpose: 'offers for solar panels',
    expiresAt: null,
    revocation: null,
    shown,
    shownSha256: shown === null ? null : sha256Hex(shown),
    previousHash: null,
    ...change,
  })
}
