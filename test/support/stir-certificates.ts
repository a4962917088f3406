import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto'

/** A certificate with its key, as a test makes them: written in DER here, and signed by node:crypto. */
export interface MadeCertificate {
  readonly pem: string
  readonly key: KeyObject
  readonly x509: X509Certificate
  readonly name: Buffer
}

interface CertificateOptions {
  /** Null: it signs itself. */
  readonly issuer: MadeCertificate | null
  readonly name?: string
  readonly isAuthority?: boolean
  /** Authorities that may stand between it and a signer; absent: any number. */
  readonly maxBelow?: number
  /** The DER of TNAuthList's value; null: none. */
  readonly tnAuthList?: Buffer | null
  readonly extensions?: readonly { readonly id: string; readonly isCritical?: boolean; readonly value: Buffer }[]
  readonly validFrom?: Date
  readonly validUntil?: Date
  readonly serial?: number
  readonly curve?: string
}

const DAY_MS = 86_400_000
let lastSerial = 1000

/** An authority of a test's own. */
export function makeStirRoot(name = 'Test STI-CA'): MadeCertificate {
  return makeStirCertificate({ issuer: null, name, isAuthority: true, tnAuthList: null })
}

/** By default a signer's: of the service provider code 709J, from yesterday until tomorrow. */
export function makeStirCertificate({
  issuer,
  name = 'SHAKEN 709J',
  isAuthority = false,
  maxBelow,
  tnAuthList = tnAuthListOf({ codes: ['709J'] }),
  extensions = [],
  validFrom = new Date(Date.now() - DAY_MS),
  validUntil = new Date(Date.now() + DAY_MS),
  serial = ++lastSerial,
  curve = 'P-256',
}: CertificateOptions): MadeCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const subject = nameOf(name)
  const key = issuer?.key ?? privateKey
  const usage = isAuthority ? bits(0x06, 1) : bits(0x80, 7) // keyCertSign and cRLSign; digitalSignature
  const authority = [der(0x01, Buffer.of(0xff)), ...(maxBelow === undefined ? [] : [integer(maxBelow)])]
  const all = [
    { id: '2.5.29.19', isCritical: true, value: isAuthority ? sequence(...authority) : sequence() },
    { id: '2.5.29.15', isCritical: true, value: usage },
    ...(tnAuthList ? [{ id: '1.3.6.1.5.5.7.1.26', isCritical: false, value: tnAuthList }] : []),
    ...extensions,
  ]
  const tbs = sequence(
    explicit(0, integer(2)),
    integer(serial),
    ECDSA_SHA256,
    issuer?.name ?? subject,
    sequence(time(validFrom), time(validUntil)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...all.map(extension))),
  )
  const whole = sequence(tbs, ECDSA_SHA256, bits(sign('sha256', tbs, key)))
  const pem = pemOf('CERTIFICATE', whole)
  return { pem, key: privateKey, x509: new X509Certificate(pem), name: subject }
}

/** TNAuthList's value (RFC 8226 §9). */
export function tnAuthListOf(list: {
  readonly codes?: readonly string[]
  readonly ranges?: readonly (readonly [first: string, count: number])[]
  readonly numbers?: readonly string[]
}): Buffer {
  return sequence(
    ...(list.codes ?? []).map((code) => explicit(0, ia5(code))),
    ...(list.ranges ?? []).map(([first, count]) => explicit(1, sequence(ia5(first), integer(count)))),
    ...(list.numbers ?? []).map((number) => explicit(2, ia5(number))),
  )
}

/** JWTClaimConstraints' value (RFC 8226 §8; mustExclude: RFC 9118 §4). */
export function claimConstraintsOf(limits: {
  readonly mustInclude?: readonly string[]
  readonly permitted?: Readonly<Record<string, readonly string[]>>
  readonly mustExclude?: readonly string[]
}): Buffer {
  const names = (list: readonly string[]): Buffer => sequence(...list.map(ia5))
  const permitted = Object.entries(limits.permitted ?? {}).map(([claim, values]) =>
    sequence(ia5(claim), sequence(...values.map((value) => der(0x0c, Buffer.from(value))))),
  )
  return sequence(
    ...(limits.mustInclude ? [explicit(0, names(limits.mustInclude))] : []),
    ...(permitted.length > 0 ? [explicit(1, sequence(...permitted))] : []),
    ...(limits.mustExclude ? [explicit(2, names(limits.mustExclude))] : []),
  )
}

/** A revocation list in PEM. An entry of another's certificate names its issuer (RFC 5280 §5.3.3). */
export function makeCrl(
  issuer: MadeCertificate,
  entries: readonly { readonly serial: string; readonly issuer?: MadeCertificate }[],
  nextUpdate = new Date(Date.now() + DAY_MS),
): string {
  const revoked = entries.map((entry) => {
    const general = entry.issuer && sequence(explicit(4, entry.issuer.name))
    const extensions = general ? [sequence(extension({ id: '2.5.29.29', isCritical: true, value: general }))] : []
    return sequence(der(0x02, Buffer.from(entry.serial, 'hex')), time(new Date(Date.now() - 1000)), ...extensions)
  })
  const list = revoked.length > 0 ? [sequence(...revoked)] : []
  const tbs = sequence(integer(1), ECDSA_SHA256, issuer.name, time(new Date()), time(nextUpdate), ...list)
  return pemOf('X509 CRL', sequence(tbs, ECDSA_SHA256, bits(sign('sha256', tbs, issuer.key))))
}

export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts)
}

function explicit(tag: number, part: Buffer): Buffer {
  return der(0xa0 | tag, part)
}

function ia5(text: string): Buffer {
  return der(0x16, Buffer.from(text))
}

export function integer(value: number): Buffer {
  const digits = value.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, 'hex')
  return der(0x02, bytes[0]! & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes)
}

function objectId(id: string): Buffer {
  const [first, second, ...rest] = id.split('.').map(Number)
  const arc = (value: number): number[] =>
    value < 128 ? [value] : [...arc(Math.floor(value / 128)).map((byte) => byte | 0x80), value % 128]
  return der(0x06, Buffer.from([first! * 40 + second!, ...rest.flatMap(arc)]))
}

/** A BIT STRING: of whole bytes, or of one byte whose last `unused` bits do not count. */
function bits(content: Buffer | number, unused = 0): Buffer {
  return der(0x03, Buffer.of(unused), typeof content === 'number' ? Buffer.of(content) : content)
}

function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`))
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId('2.5.4.3'), der(0x0c, Buffer.from(commonName)))))
}

function extension(options: { id: string; isCritical?: boolean; value: Buffer }): Buffer {
  const critical = options.isCritical === true ? [der(0x01, Buffer.of(0xff))] : []
  return sequence(objectId(options.id), ...critical, der(0x04, options.value))
}

function pemOf(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))
