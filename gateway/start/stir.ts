import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { RevokedCertificates } from '../../compliance/stir/revoked-certificates.ts'
import { readCertificates, TrustedRoots } from '../../compliance/stir/signing-certificate.ts'
import type { Signer } from '../../compliance/stir/sign.ts'
import type { Logger } from '../../config/logger.ts'
import { SettingsError } from '../../config/settings-error.ts'
import type { Settings } from '../../config/settings.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { Clock } from '../../model/clock.ts'
import type { AddressGuard } from '../outgoing/address-guard.ts'
import { HttpClient } from '../outgoing/http-client.ts'
import type { Evidence } from '../screening/evidence.ts'
import { Certificates } from '../stir/certificates.ts'
import { OutgoingIdentity } from '../stir/outgoing-identity.ts'
import { signatureEvidence } from '../stir/signature-evidence.ts'
import { hourly } from './hourly.ts'

interface StirNeeds {
  readonly settings: Pick<Settings, 'telephony'>
  readonly guard: AddressGuard
  readonly clock: Clock
  readonly log: Logger
  readonly telemetry: Telemetry
}

/** Certificates of one repository fetched at a time, and the longest answer: a chain of ten is some 20 kB. */
const CONNECTIONS = 4
const MAX_ANSWER_BYTES = 65_536

/** What verifies the signatures calls come with; null: nobody does. Its lists are read again every hour until it is closed. */
export function createVerification({
  settings,
  guard,
  clock,
  log,
  telemetry,
}: StirNeeds): { readonly evidence: readonly Evidence[]; start(): Promise<void>; close(): Promise<void> } | null {
  const { stir } = settings.telephony
  if (stir.policy === 'off') return null
  let lists = readLists(stir)
  const client = new HttpClient(guard, { connections: CONNECTIONS, maxAnswerBytes: MAX_ANSWER_BYTES })
  const certificates = new Certificates(lists.roots, {
    limits: {
      ttlMs: stir.certificateTtlMs,
      failureTtlMs: stir.failureTtlMs,
      maxKept: stir.maxCertificates,
      ports: stir.certificatePorts,
    },
    now: () => clock.monotonicMs(),
    async fetch(url) {
      const headers = { Accept: 'application/pem-certificate-chain, application/x-pem-file' }
      const { status, text } = await client.send({ method: 'GET', url, headers, body: null }, stir.fetchTimeoutMs)
      if (status !== 200) throw new Error(`its x5u answered ${status}`)
      return text
    },
    onFetched: (result) => telemetry.stirFetches.inc({ result }),
  })
  telemetry.beforeRender(() => telemetry.stirCertificates.set(certificates.size))
  const evidence = signatureEvidence({
    policy: {
      enforces: stir.policy === 'enforce',
      refusesMissing: stir.missing === 'refuse',
      freshMs: stir.freshnessMs,
      deadlineMs: stir.deadlineMs,
    },
    certificates,
    revoked: () => lists.revoked,
    now: () => clock.now(),
    onVerified: ({ verdict, status, attestation }) =>
      telemetry.stirVerifications.inc({
        verdict,
        status: String(status ?? 'none'),
        attestation: attestation ?? 'none',
      }),
  })
  const readAgain = async (): Promise<void> => {
    const read = readLists(stir)
    if (read.rootText !== lists.rootText) certificates.trust(read.roots)
    lists = read
    if (lists.revoked && lists.revoked.nextUpdateMs < clock.now())
      log.warn({ file: stir.revoked }, 'the list of revoked certificates is past its time')
  }
  let stop: (() => Promise<void>) | null = null
  return {
    evidence: [evidence],
    async start() {
      stop = hourly(log, { 'certificates that may sign': readAgain })
    },
    async close() {
      await stop?.()
      await client.close()
    },
  }
}

/** What signs the calls we pass on; null: nobody does. */
export function createOutgoingIdentity({ settings, clock, telemetry }: StirNeeds): OutgoingIdentity | null {
  const signer = readSigner(settings.telephony.stir)
  return (
    signer &&
    new OutgoingIdentity({
      signer,
      now: () => clock.now(),
      onSigned: (ppt, attestation) => telemetry.stirSigned.inc({ ppt, attestation: attestation ?? 'none' }),
    })
  )
}

type StirSettings = Settings['telephony']['stir']

interface Lists {
  readonly rootText: string
  readonly roots: TrustedRoots
  readonly revoked: RevokedCertificates | null
}

/** Throws SettingsError, naming the setting, for files that cannot be read or hold something else. */
function readLists(stir: StirSettings): Lists {
  if (stir.roots === null)
    throw new SettingsError(
      'telephony.stir.roots',
      `telephony.stir.roots: needed for telephony.stir.policy ${stir.policy}`,
    )
  const rootText = readText('telephony.stir.roots', stir.roots)
  const roots = readAs('telephony.stir.roots', stir.roots, () => authoritiesIn(rootText))
  if (stir.revoked === null) return { rootText, roots: new TrustedRoots(roots), revoked: null }
  const text = readText('telephony.stir.revoked', stir.revoked)
  const revoked = readAs('telephony.stir.revoked', stir.revoked, () => new RevokedCertificates(text, roots))
  return { rootText, roots: new TrustedRoots(roots), revoked }
}

function authoritiesIn(text: string): X509Certificate[] {
  const certificates = readCertificates(text)
  if (certificates.length === 0) throw new Error('no certificate in PEM')
  const other = certificates.find(({ ca }) => !ca)
  if (other) throw new Error(`${other.subject}, which is no authority`)
  return certificates
}

function readSigner({ key: file, certificateUrl }: StirSettings): Signer | null {
  if (file === null && certificateUrl === null) return null
  if (file === null || certificateUrl === null) {
    const missing = file === null ? 'telephony.stir.key' : 'telephony.stir.certificate_url'
    throw new SettingsError(
      missing,
      `${missing}: a key and where its certificate is are set together, and this one is missing`,
    )
  }
  if (!/^https:\/\/[^\s<>"?#@]{1,1000}$/.test(certificateUrl) || !URL.canParse(certificateUrl))
    throw new SettingsError(
      'telephony.stir.certificate_url',
      'telephony.stir.certificate_url: not an https URL without user, query and fragment',
    )
  const text = readText('telephony.stir.key', file)
  return { key: readAs('telephony.stir.key', file, () => signingKeyIn(text)), certificateUrl }
}

function signingKeyIn(text: string): KeyObject {
  const key = createPrivateKey(text)
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('a key that is not one of P-256')
  return key
}

function readText(setting: string, file: string): string {
  return readAs(setting, file, () => readFileSync(file, 'utf8'))
}

function readAs<T>(setting: string, file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SettingsError(setting, `${setting}: ${file} cannot be used: ${why}`)
  }
}
