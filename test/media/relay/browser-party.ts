import { createHash, createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { DtlsClient, type Transport } from 'werift'
import { makeDtlsCertificate } from '../../../media/relay/dtls-certificate.ts'
import type { DtlsCertificate } from '../../../media/relay/dtls-messages.ts'
import { Srtp } from '../../../media/relay/srtp.ts'
import { audioPort, RtpParty } from './rtp-party.ts'
import type { Sdp } from '../../../media/media-server.ts'

/** What the packets of `rtp` have. */
const BROWSER_SSRC = 0x1234

/** Half a browser, one that does what it is told: its checks, and its handshakes by werift's client. */
export class BrowserParty {
  readonly party: RtpParty
  readonly certificate: DtlsCertificate
  readonly ufrag: string
  readonly pwd: string

  private constructor(party: RtpParty, certificate: DtlsCertificate, ice?: { ufrag: string; pwd: string }) {
    this.party = party
    this.certificate = certificate
    this.ufrag = ice?.ufrag ?? randomBytes(3).toString('hex')
    this.pwd = ice?.pwd ?? randomBytes(12).toString('hex')
  }

  static async open(): Promise<BrowserParty> {
    return new BrowserParty(await RtpParty.open(), await makeDtlsCertificate())
  }

  /** One that shows the other's certificate, which it has seen go by, and has not the other's key. */
  static async imitate({ party, ufrag, pwd, certificate }: BrowserParty): Promise<BrowserParty> {
    const { key } = await makeDtlsCertificate()
    return new BrowserParty(party, { ...certificate, key }, { ufrag, pwd })
  }

  /** As a browser offers audio and video in a bundle, before it knows its addresses. */
  describe(options: { setup?: string; fingerprint?: string; lines?: (text: string) => string } = {}): Sdp {
    const text = [
      'v=0',
      'o=- 1 2 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      'a=group:BUNDLE first second',
      'm=audio 9 UDP/TLS/RTP/SAVPF 0 126',
      'c=IN IP4 0.0.0.0',
      'a=mid:first',
      `a=setup:${options.setup ?? 'actpass'}`,
      `a=fingerprint:sha-256 ${options.fingerprint ?? this.certificate.fingerprint}`,
      `a=ice-ufrag:${this.ufrag}`,
      `a=ice-pwd:${this.pwd}`,
      'a=rtcp-mux',
      'a=rtpmap:126 telephone-event/8000',
      `a=ssrc:${BROWSER_SSRC} cname:browser`,
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'c=IN IP4 0.0.0.0',
      'a=mid:second',
      'a=rtpmap:96 VP8/90000',
      '',
    ].join('\r\n')
    return options.lines?.(text) ?? text
  }

  /** A check (RFC 8445 §7.1) for our description, with the right password unless told otherwise. */
  check(sdp: Sdp, options: { pwd?: string; nominate?: boolean } = {}): Buffer {
    const [, ufrag] = /^a=ice-ufrag:(\S+)/m.exec(sdp)!
    const [, pwd] = /^a=ice-pwd:(\S+)/m.exec(sdp)!
    const username = Buffer.from(`${ufrag}:${this.ufrag}`)
    const padded = Buffer.alloc(Math.ceil(username.length / 4) * 4)
    username.copy(padded)
    const attributes = [
      attribute(0x0006, username.length, padded),
      attribute(0x0024, 4, Buffer.from([110, 0, 1, 255])), // PRIORITY
      attribute(0x802a, 8, randomBytes(8)), // ICE-CONTROLLING
    ]
    if (options.nominate !== false) attributes.push(attribute(0x0025, 0, Buffer.alloc(0)))
    const body = Buffer.concat(attributes)
    const header = Buffer.alloc(20)
    header.writeUInt16BE(1, 0)
    header.writeUInt16BE(body.length + 24, 2)
    header.writeUInt32BE(0x2112a442, 4)
    randomBytes(12).copy(header, 8)
    const tag = createHmac('sha1', options.pwd ?? pwd!)
      .update(header)
      .update(body)
      .digest()
    header.writeUInt16BE(body.length + 32, 2)
    const signed = Buffer.concat([header, body, attribute(0x0008, 20, tag)])
    const fingerprint = Buffer.alloc(4)
    fingerprint.writeUInt32BE((crc32(signed) ^ 0x5354554e) >>> 0)
    return Buffer.concat([signed, attribute(0x8028, 4, fingerprint)])
  }

  /** Shows where it is, and resolves with the relay's answer to that. */
  async find(sdp: Sdp): Promise<Buffer> {
    const answer = this.party.next()
    this.party.send(this.check(sdp), audioPort(sdp))
    return (await answer).packet
  }

  /** Opens the association, and resolves with its keys once that is done. */
  async shakeHands(sdp: Sdp): Promise<Srtp> {
    const { rtp } = this.party
    const transport: Transport = {
      type: 'udp',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: () => {},
      send: (packet) => {
        this.party.send(packet, audioPort(sdp))
        return Promise.resolve()
      },
      close: () => Promise.resolve(),
    }
    const { cert, key } = this.certificate
    const signatureHash = { hash: 4, signature: 3 } as const
    const client = new DtlsClient({
      cert,
      key,
      signatureHash,
      transport,
      srtpProfiles: [1],
      extendedMasterSecret: true,
    })
    rtp.on('message', (packet) => {
      if (packet[0]! >= 20 && packet[0]! < 64) transport.onData(packet, ['', 0])
    })
    // werift's client calls it an error when it is asked twice for its cookie, as after a hello sent twice, and goes on.
    const done = new Promise<void>((resolve) => {
      client.onConnect.once(() => resolve())
    })
    await client.connect()
    await done
    const { localKey, localSalt, remoteKey, remoteSalt } = client.extractSessionKeys(16, 14)
    const expected = /^a=fingerprint:sha-256 (\S+)/m.exec(sdp)![1]!.replaceAll(':', '').toLowerCase()
    if (createHash('sha256').update(client.remoteCertificate!).digest('hex') !== expected)
      throw new Error('not the certificate that was described')
    const send = Buffer.concat([localKey, localSalt])
    return new Srtp({ suite: 'AES_CM_128_HMAC_SHA1_80', send, receive: Buffer.concat([remoteKey, remoteSalt]) })
  }
}

function attribute(type: number, size: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(size, 2)
  return Buffer.concat([head, value])
}
