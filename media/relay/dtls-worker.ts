import assert from 'node:assert/strict'
import { createHash, verify, X509Certificate } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { DtlsServer, type Transport } from 'werift'
import type { SrtpSuiteName } from '../srtp-suites.ts'
import type { Fingerprint, FromDtlsThread, ToDtlsThread } from './dtls-messages.ts'

/**
 * The thread of the DTLS handshakes (RFC 5764) of one relay thread: werift is loaded and does its sums here, where no audio waits.
 * We are the server always: whoever looks for us by ICE opens the association, too.
 */

/** RFC 5764 §4.1.2: SRTP_AES128_CM_HMAC_SHA1_80, which every browser has (RFC 8827 §6.5). */
const PROFILE = 1
const SUITE: SrtpSuiteName = 'AES_CM_128_HMAC_SHA1_80'
const KEY_BYTES = 16
const SALT_BYTES = 14
/** RFC 5246 §7.4. */
const CERTIFICATE_VERIFY = 15
/** SignatureScheme → its hash (RFC 5246 §7.4.1.4.1): ECDSA and RSA with SHA-256 or longer. */
const SIGNATURE_HASHES = new Map([
  [0x0403, 'sha256'],
  [0x0503, 'sha384'],
  [0x0603, 'sha512'],
  [0x0401, 'sha256'],
  [0x0501, 'sha384'],
  [0x0601, 'sha512'],
])

interface Association {
  readonly server: DtlsServer
  receive(packet: Buffer): void
}

assert(parentPort !== null, 'dtls-worker.ts runs as a worker thread')
const relay = parentPort
const associations = new Map<number, Association>()

function tell(message: FromDtlsThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
  relay.postMessage(message)
}

function open({ id, certificate, fingerprint }: Extract<ToDtlsThread, { kind: 'open' }>): void {
  // What is to be sent waits for the end of the turn: the relay has the keys before our Finished tells the peer that it may speak.
  const outbox: Buffer[] = []
  const flush = (): void => {
    for (const packet of outbox.splice(0)) if (associations.has(id)) tell({ kind: 'packet', id, packet })
  }
  const transport: Transport = {
    type: 'udp',
    address: { address: '', family: '', port: 0 },
    closed: false,
    onData: () => {},
    send: (packet) => {
      if (outbox.push(packet) === 1) setImmediate(flush)
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  }
  const server = new DtlsServer({
    cert: certificate.cert,
    key: certificate.key,
    signatureHash: { hash: 4, signature: 3 }, // ecdsa_secp256r1_sha256
    transport,
    srtpProfiles: [PROFILE],
    extendedMasterSecret: true,
    certificateRequest: true,
  })
  const fail = (error: unknown): void => {
    flush()
    if (!associations.delete(id)) return
    tell({ kind: 'failed', id, reason: error instanceof Error ? error.message : String(error) })
  }
  server.onError.subscribe(fail)
  server.onConnect.subscribe(() => {
    try {
      checkPeer(server, fingerprint)
      tell({ kind: 'keys', id, keys: keysOf(server) })
    } catch (error) {
      fail(error)
    }
  })
  const receive = (packet: Buffer): void => {
    try {
      transport.onData(packet, ['', 0])
    } catch {
      // Discarded in silence (RFC 6347 §4.1.2.7): the packet may be anybody's, and the handshakes of others go on in this thread.
    }
  }
  associations.set(id, { server, receive })
}

/** The peer has the certificate that its description named, and the key of it. Throws with a sentence when it has not. */
function checkPeer(server: DtlsServer, { algorithm, value }: Fingerprint): void {
  const certificate = server.remoteCertificate
  if (certificate === undefined) throw new Error('the peer showed no certificate')
  const digest = createHash(algorithm.replace('-', '')).update(certificate).digest('hex')
  if (digest !== value.replaceAll(':', '').toLowerCase())
    throw new Error('the peer’s certificate is not the one its description names')
  checkSignature(server, new X509Certificate(certificate))
}

/**
 * CertificateVerify (RFC 5246 §7.4.8), which werift reads and does not check: the peer's signature of all that was said before it.
 * Without it anybody in between could show the certificate of the other, which travels in clear.
 */
function checkSignature({ dtls }: DtlsServer, certificate: X509Certificate): void {
  const said = dtls.sortedHandshakeCache
  const at = said.findIndex((message) => message.msg_type === CERTIFICATE_VERIFY)
  if (at < 0) throw new Error('the peer signed nothing')
  const { fragment } = said[at]!
  const hash = SIGNATURE_HASHES.get(fragment.readUInt16BE(0))
  const signature = fragment.subarray(4, 4 + fragment.readUInt16BE(2))
  const text = Buffer.concat(said.slice(0, at).map((message) => message.serialize()))
  if (hash === undefined || !verify(hash, text, certificate.publicKey, signature))
    throw new Error('the peer’s signature is not its certificate’s')
}

function keysOf(server: DtlsServer): Extract<FromDtlsThread, { kind: 'keys' }>['keys'] {
  if (server.srtp.srtpProfile !== PROFILE) throw new Error(`the peer does not have ${SUITE}`)
  const { localKey, localSalt, remoteKey, remoteSalt } = server.extractSessionKeys(KEY_BYTES, SALT_BYTES)
  return {
    suite: SUITE,
    send: Buffer.concat([localKey, localSalt]),
    receive: Buffer.concat([remoteKey, remoteSalt]),
  }
}

relay.on('message', (message: ToDtlsThread) => {
  if (message.kind === 'open') open(message)
  else if (message.kind === 'packet') associations.get(message.id)?.receive(Buffer.from(message.packet))
  else associations.delete(message.id)
})
// What a peer's bytes made of werift's promises and timers ends no thread: the handshake that it was of comes to its limit.
process.on('unhandledRejection', () => {})
process.on('uncaughtException', () => {})
