import { generate } from 'selfsigned'

/** A key pair and its certificate, in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

type Issuer = Certificate | null

async function issue(
  commonName: string,
  issuer: Issuer,
  names: readonly string[],
  validDays = 2,
): Promise<Certificate> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() + Math.min(0, validDays) * 86_400_000 - 86_400_000),
    notAfterDate: new Date(Date.now() + validDays * 86_400_000),
    ...(issuer !== null && { ca: issuer }),
    extensions: [
      { name: 'basicConstraints', cA: issuer === null && names.length === 0, critical: true },
      {
        name: 'subjectAltName',
        altNames: (names.length === 0 ? [commonName] : names).map((name) =>
          /^[\d.]+$|^[\da-f]*:[\da-f:]+$/i.test(name)
            ? { type: 7, ip: name }
            : { type: name.startsWith('sip:') ? 6 : 2, value: name },
        ),
      },
    ],
  })
  return { cert: made.cert, key: made.private }
}

/** An authority of a test's own. */
export async function makeAuthority(name = 'Test Authority'): Promise<Certificate> {
  return issue(name, null, [])
}

/** A certificate for these DNS names, `sip:` URIs and addresses; from an authority, or self-signed. A negative `validDays` is past. */
export async function makeCertificate(
  names: readonly string[],
  issuer: Issuer = null,
  validDays = 2,
): Promise<Certificate> {
  return issue(names[0] ?? 'nobody', issuer, names, validDays)
}
