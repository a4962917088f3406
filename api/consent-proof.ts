import { z } from 'zod'
import { sealedText, sealFaults } from '../compliance/consent/seal.ts'
import type { Consent } from '../model/consent.ts'
import { ConsentAnswer, printConsent, type ConsentView } from './consent-terms.ts'
import * as s from './schemas.ts'

const NOTE =
  'A version’s hash is the SHA-256 of its sealed text, in UTF-8; the text names the hash of the version before. ' +
  'Certificates are as they were handed in: their vendors (TrustedForm, Jornaya) were not asked.'

export const ProofAnswer = z.strictObject({
  exported_at: s.printedTime(),
  consent: ConsentAnswer,
  versions: z.array(z.strictObject({ version: ConsentAnswer, sealed_text: z.string(), hash: z.string() })),
  intact: z.boolean(),
  faults: z.array(z.string()),
  note: z.string(),
})
type Proof = z.input<typeof ProofAnswer>

/** All there is of one consent, and whether it is as it was made. `versions`: oldest first, at least one. */
export function proofOf(versions: readonly Consent[], now: Date): Proof {
  const faults = sealFaults(versions)
  return {
    exported_at: s.printTime(now),
    consent: printConsent(versions.at(-1)!, now),
    versions: versions.map((version) => ({
      version: printConsent(version, now),
      sealed_text: sealedText(version),
      hash: version.hash,
    })),
    intact: faults.length === 0,
    faults,
    note: NOTE,
  }
}

/** The same for people: a page that needs nothing else, and prints well. */
export function proofPage({ consent, versions, faults, exported_at, note }: Proof): string {
  const rows = Object.entries(facts(consent)).map(
    ([name, value]) => `<tr><th>${name}</th><td>${escape(value)}</td></tr>`,
  )
  const history = versions.map(
    ({ version: { version, deed, at, by }, hash }) =>
      `<tr><td>${version}</td><td>${deed}</td><td>${at}</td><td>${escape(by)}</td><td><code>${hash}</code></td></tr>`,
  )
  const verdict =
    faults.length === 0
      ? 'Every version is as it was made: its hash was made again, and follows from the one before.'
      : `Not as it was made: ${escape(faults.join('; '))}.`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Consent ${consent.id}</title>
<style>body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #ccc;padding:.35em .6em;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{width:14em}blockquote{border-left:3px solid #888;margin:0;padding:.3em 1em;white-space:pre-wrap}code{font-size:12px}</style></head>
<body><h1>Proof of consent</h1>
<p>Consent <code>${consent.id}</code>, ${consent.status}; exported ${exported_at}.</p>
<table>${rows.join('\n')}</table>
<h2>What the consumer agreed to</h2><blockquote>${escape(consent.disclosure)}</blockquote>
<p>SHA-256 <code>${consent.disclosure_sha256}</code></p>
${consent.shown === null ? '' : `<h2>What was shown</h2><blockquote>${escape(consent.shown)}</blockquote><p>SHA-256 <code>${consent.shown_sha256}</code></p>`}
<h2>History</h2><table><tr><th>Version</th><th>Deed</th><th>At</th><th>By</th><th>SHA-256</th></tr>
${history.join('\n')}</table>
<p>${verdict}</p><p>${note}</p></body></html>
`
}

function facts(consent: ConsentView): Record<string, string> {
  const { revocation } = consent
  const found: Record<string, string | null> = {
    'Telephone number': consent.number,
    Name: consent.name,
    'ZIP code': consent.zip,
    'Businesses named': consent.sellers
      .map(({ name, account_id: id }) => (id === null ? name : `${name} (account ${id})`))
      .join('; '),
    Given: consent.given_at,
    Channels: consent.channels.join(', '),
    Purpose: consent.purpose,
    Page: consent.page_url,
    'IP address': consent.ip,
    'User agent': consent.user_agent,
    'Picture of the form': consent.form_snapshot,
    Certificates: consent.certificates
      .map(({ kind, token, url, issued_at: at }) => `${kind} ${url ?? token}${at === null ? '' : `, issued ${at}`}`)
      .join('; '),
    Expires: consent.expires_at ?? 'when it is revoked',
    Revoked: revocation && `${revocation.at}, by ${revocation.means}`,
    'Revocation honoured': revocation && `${revocation.honoured_at}, by ${revocation.honoured_by}`,
  }
  return Object.fromEntries(Object.entries(found).flatMap(([name, value]) => (value ? [[name, value]] : [])))
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
