import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, renameSync, unwatchFile, watchFile, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { SettingsError } from '../../config/settings-error.ts'
import type { TlsCertificates } from '../sip-server/start.ts'

const DAY_MS = 86_400_000
/** How long a certificate of our own lasts, and how long before its end it is made anew. */
const VALID_MS = 365 * DAY_MS
const RENEW_MS = 30 * DAY_MS
/** How often files are looked at: they are replaced by hand, by certbot or by a mounted secret. */
const WATCH_MS = 5_000

export interface CertificateOptions {
  /** PEM files: the chain and its key, or neither; the authorities of clients. */
  readonly cert: string | null
  readonly key: string | null
  readonly ca: string | null
  /** Where a certificate of our own is kept. */
  readonly directory: string
  /** The addresses peers know us by: they stand in a certificate of our own. */
  readonly addresses: readonly string[]
}

/**
 * The certificate of SIP over TLS: the configured one, else one of our own, made at the first start and again before it
 * expires. Throws SettingsError, naming the setting, for files that cannot be read or do not belong together.
 */
export async function loadCertificates(options: CertificateOptions, nowMs = Date.now()): Promise<TlsCertificates> {
  const { cert, key, ca } = options
  const authorities = ca === null ? null : readAuthorities(ca)
  if ((cert === null) !== (key === null)) {
    const missing = cert === null ? 'telephony.tls_cert' : 'telephony.tls_key'
    throw new SettingsError(missing, `${missing}: a certificate and its key are set together, and this one is missing`)
  }
  const own = cert === null || key === null ? await loadOrMake(options, nowMs) : readConfigured(cert, key, nowMs)
  return { ...own, ...(authorities !== null && { ca: authorities }) }
}

function readConfigured(certFile: string, keyFile: string, nowMs: number): { cert: string; key: string } {
  const cert = readText('telephony.tls_cert', certFile)
  const key = readText('telephony.tls_key', keyFile)
  const certificate = parseCertificate('telephony.tls_cert', certFile, cert)
  if (!certificate.checkPrivateKey(parseKey(keyFile, key)))
    throw new SettingsError('telephony.tls_key', `telephony.tls_key: ${keyFile} is not the key of ${certFile}`)
  checkDates('telephony.tls_cert', certFile, certificate, nowMs)
  return { cert, key }
}

function readAuthorities(file: string): string {
  const text = readText('telephony.tls_ca', file)
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0)
    throw new SettingsError('telephony.tls_ca', `telephony.tls_ca: ${file} holds no certificate in PEM`)
  for (const block of blocks) parseCertificate('telephony.tls_ca', file, block)
  return text
}

function readText(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new SettingsError(setting, `${setting}: ${file} cannot be read (${code})`)
  }
}

function parseCertificate(setting: string, file: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text)
  } catch {
    throw new SettingsError(setting, `${setting}: ${file} holds no certificate in PEM`)
  }
}

function parseKey(file: string, text: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch {
    throw new SettingsError('telephony.tls_key', `telephony.tls_key: ${file} holds no unencrypted private key in PEM`)
  }
}

function checkDates(setting: string, file: string, certificate: X509Certificate, nowMs: number): void {
  const { validFrom, validTo } = certificate
  if (Date.parse(validTo) <= nowMs) throw new SettingsError(setting, `${setting}: ${file} expired on ${validTo}`)
  if (Date.parse(validFrom) > nowMs)
    throw new SettingsError(setting, `${setting}: ${file} is not valid before ${validFrom}`)
}

async function loadOrMake({ directory, addresses }: CertificateOptions, nowMs: number) {
  const names = [...new Set([hostname(), 'localhost', '127.0.0.1', '::1', ...addresses])]
  const found = readOwn(directory)
  if (found !== null && isGood(found, names, nowMs)) return found
  const made = await makeOwn(names, nowMs)
  mkdirSync(directory, { recursive: true })
  // The certificate last: until it is there, the pair does not match and is made again.
  writeWhole(join(directory, 'sip-key.pem'), made.key)
  writeWhole(join(directory, 'sip-cert.pem'), made.cert)
  return made
}

function readOwn(directory: string): { cert: string; key: string } | null {
  try {
    return {
      cert: readFileSync(join(directory, 'sip-cert.pem'), 'utf8'),
      key: readFileSync(join(directory, 'sip-key.pem'), 'utf8'),
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function isGood({ cert, key }: { cert: string; key: string }, names: readonly string[], nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(cert)
    const isFresh = Date.parse(certificate.validTo) - nowMs > RENEW_MS
    const has = (name: string): boolean =>
      (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined
    return isFresh && certificate.checkPrivateKey(createPrivateKey(key)) && names.every(has)
  } catch {
    // A file that was cut off, or meddled with.
    return false
  }
}

async function makeOwn(names: readonly string[], nowMs: number): Promise<{ cert: string; key: string }> {
  // Only the first start, and one a year, pays for reading the package.
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: names[0]! }], {
    keyType: 'ec',
    algorithm: 'sha256',
    // Peers' clocks are not ours.
    notBeforeDate: new Date(nowMs - DAY_MS),
    notAfterDate: new Date(nowMs + VALID_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })),
      },
    ],
  })
  return { cert: made.cert, key: made.private }
}

function writeWhole(path: string, content: string): void {
  writeFileSync(`${path}.new`, content, { mode: 0o600 })
  chmodSync(`${path}.new`, 0o600) // The umask, or an older file, may have said otherwise.
  renameSync(`${path}.new`, path)
}

/**
 * Loads the certificates again when a file has changed, on SIGHUP (where files are configured: else a closing terminal ends
 * the process, as always), and once a day for our own; until the function it answers is called. What cannot be used is reported, and the old ones stay.
 */
export function watchCertificates(
  options: CertificateOptions,
  current: TlsCertificates,
  use: (certificates: TlsCertificates) => Promise<void>,
  onError: (error: unknown) => void,
): () => void {
  const files = [options.cert, options.key, options.ca].filter((file) => file !== null)
  let reloading = Promise.resolve()
  let inUse = JSON.stringify(current)
  const reload = (): void => {
    reloading = reloading
      .then(async () => {
        const loaded = await loadCertificates(options)
        const text = JSON.stringify(loaded)
        if (text !== inUse) await use(loaded)
        inUse = text
      })
      .catch(onError)
  }
  for (const file of files) watchFile(file, { interval: WATCH_MS, persistent: false }, reload)
  if (files.length > 0) process.on('SIGHUP', reload)
  const daily = setInterval(reload, DAY_MS).unref()
  return () => {
    for (const file of files) unwatchFile(file, reload)
    process.off('SIGHUP', reload)
    clearInterval(daily)
  }
}
