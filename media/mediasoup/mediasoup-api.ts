import type { EventEmitter } from 'node:events'

/**
 * What we use of mediasoup's JavaScript, the same in 3.7 and 3.27. Written down here, since it is an optional package: this project
 * compiles without it.
 */
export interface MediasoupModule {
  readonly version: string
  createWorker(settings: {
    logLevel: 'error'
    rtcMinPort: number
    rtcMaxPort: number
    workerBin: string
  }): Promise<MediasoupWorker>
}

/** Emits `died` when its process has ended, and we have not asked for it. */
export interface MediasoupWorker extends EventEmitter<{ died: [error: Error] }> {
  readonly pid: number
  createRouter(options: { mediaCodecs: readonly OrtcCodec[] }): Promise<Router>
  close(): void
}

export interface ListenIp {
  readonly ip: string
  readonly announcedIp?: string
}

export interface Router {
  createPlainTransport(options: { listenIp: ListenIp; rtcpMux: true; comedia: false }): Promise<PlainTransport>
  createWebRtcTransport(options: {
    listenIps: readonly ListenIp[]
    enableUdp: true
    enableTcp: false
  }): Promise<WebRtcTransport>
  pipeToRouter(options: { producerId: string; router: Router; listenIp: string }): Promise<unknown>
  close(): void
}

/** A codec as a router or a consumer can it. */
export interface OrtcCodec {
  readonly kind: 'audio'
  readonly mimeType: string
  readonly clockRate: number
  readonly channels: number
  readonly preferredPayloadType: number
  readonly parameters?: object
  readonly rtcpFeedback?: readonly object[]
}

export interface RtpParameters {
  readonly codecs: readonly {
    readonly mimeType: string
    readonly payloadType: number
    readonly clockRate: number
    readonly channels: number
    readonly parameters: object
    readonly rtcpFeedback: readonly object[]
  }[]
  readonly headerExtensions: readonly []
  readonly encodings: readonly { readonly ssrc: number }[]
  readonly rtcp: { readonly cname: string }
}

export interface Transport {
  produce(options: { kind: 'audio'; rtpParameters: RtpParameters }): Promise<Producer>
  consume(options: {
    producerId: string
    rtpCapabilities: { codecs: readonly OrtcCodec[]; headerExtensions: readonly object[] }
  }): Promise<Consumer>
  close(): void
}

export interface PlainTransport extends Transport {
  readonly tuple: { readonly localPort: number }
  connect(options: { ip: string; port: number }): Promise<void>
}

export interface IceParameters {
  readonly usernameFragment: string
  readonly password: string
}

export interface WebRtcTransport extends Transport, EventEmitter<{ dtlsstatechange: [state: string] }> {
  readonly iceParameters: IceParameters
  readonly iceCandidates: readonly {
    readonly foundation: string
    readonly priority: number
    readonly ip: string
    readonly port: number
  }[]
  readonly dtlsParameters: { readonly fingerprints: readonly DtlsFingerprint[] }
  connect(options: {
    dtlsParameters: { role: 'client' | 'server'; fingerprints: readonly DtlsFingerprint[] }
  }): Promise<void>
  restartIce(): Promise<IceParameters>
}

export interface DtlsFingerprint {
  readonly algorithm: string
  readonly value: string
}

export interface Producer {
  readonly id: string
  getStats(): Promise<readonly StreamStats[]>
  close(): void
}

export interface Consumer {
  getStats(): Promise<readonly StreamStats[]>
  close(): void
}

export interface StreamStats {
  readonly type: string
  readonly packetCount: number
  readonly byteCount: number
  readonly packetsLost: number
  /** In units of the codec's clock. */
  readonly jitter: number
  readonly roundTripTime?: number
}
