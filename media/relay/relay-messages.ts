import type { LegSide } from '../../model/call.ts'
import { NO_STATS, type MediaStats } from '../../model/cdr.ts'
import type { Expected, Latching } from './latch.ts'
import type { SrtpKeys } from '../srtp-suites.ts'
import type { DtlsCertificate, Fingerprint } from './dtls-messages.ts'
import type { Law } from './g711.ts'
import type { IceCredentials } from './ice-lite.ts'
import type { PortRange } from './port-pool.ts'
import type { PartyFormats, ToolEvent, ToolOrder } from './tool-messages.ts'

/** What a relay thread is told once, when it starts. */
export interface RelayThreadData {
  readonly addresses: readonly string[]
  readonly portRange: PortRange
  /** This thread's share of the range: every `of`-th pair, from `index`. */
  readonly index: number
  readonly of: number
  readonly portQuietMs: number
  readonly rtpTimeoutMs: number
  readonly latching: Latching
  /** 0: nobody looks. */
  readonly oneWayAfterMs: number
  readonly oneWayEndsCall: boolean
  /** Pairs of sockets kept ready at each address; 0: each is bound when it is asked for. */
  readonly readyPairs: number
}

/** The half of a browser's leg that descriptions agree on (RFC 8839, RFC 8122); the keys are the handshake's. */
export interface DtlsTerms {
  readonly kind: 'dtls'
  readonly own: IceCredentials
  readonly peerUfrag: string
  readonly fingerprint: Fingerprint
  readonly certificate: DtlsCertificate
}

/** How the audio of one leg is secured: by keys that both descriptions brought (RFC 4568), or as a browser does (RFC 5764). */
export type LegSecurity = { readonly kind: 'sdes'; readonly keys: SrtpKeys } | DtlsTerms

/** What a description says of the party behind one leg, as the thread needs it. */
export interface RemoteParty {
  readonly rtp: Expected
  readonly rtcp: Expected
  /** RTCP shares the RTP port (RFC 5761). */
  readonly rtcpMux: boolean
  /** CodecTerms as JSON: the same few texts again and again, each read once by a thread (codec-tables.ts). */
  readonly codecs: string
  /** Null: plain RTP. */
  readonly security: LegSecurity | null
}

/** What a party's payload types mean, by both descriptions. */
export interface CodecTerms {
  /** [payload type, Hz]; 0 Hz for payloads whose timestamps say nothing of sending times. */
  readonly clockRates: readonly (readonly [payload: number, hertz: number])[]
  /** By payload type, for what is to be looked for in it and how well it stands loss. */
  readonly codecNames: readonly (readonly [payload: number, name: string])[]
  /** G.711 of this law that comes of this party is put into the other one; null: nothing is. */
  readonly translated: Law | null
  readonly formats: PartyFormats
}

/** What was agreed for a phone behind a loop. */
export interface LoopTerms {
  /** The payload type with which a stream begins inside: the engine looks at that of the first packet alone. */
  readonly first: number
  /** Payload types that the phone knows under another number than the engine sends. */
  readonly outward: readonly (readonly [inside: number, agreed: number])[]
}

/** Packets of one leg that were not passed on, and why. */
interface DropCounts {
  /** Not RTP or RTCP. */
  readonly invalid: number
  /** From another source than the one latched, or before a description named any. */
  readonly foreign: number
  /** Not authentic, or there before (SRTP); or too many sources. */
  readonly unauthentic: number
  /** The operating system would not send it on. */
  readonly unsent: number
}

export interface LegStats extends MediaStats {
  readonly dropped: DropCounts
}

/** Of a leg that is not there any more, or has gone with its thread. */
export const NO_LEG_STATS: LegStats = {
  ...NO_STATS,
  dropped: { invalid: 0, foreign: 0, unauthentic: 0, unsent: 0 },
}

export interface RelayStats {
  readonly caller: LegStats
  readonly buyer: LegStats
}

export type ToRelayThread =
  | {
      readonly kind: 'open'
      readonly ref: number
      readonly session: number
      readonly callerAddress: string
      readonly buyerAddress: string
      /** Null: it has not said yet where it is. */
      readonly caller: RemoteParty | null
      /** The buyer is an engine on this machine, and the caller's packets reach it with this SSRC. */
      readonly loopSsrc?: number
    }
  /** The same, of ports that are ready: there is nothing to answer. */
  | {
      readonly kind: 'open-ready'
      readonly session: number
      readonly callerAddress: string
      readonly callerPort: number
      readonly buyerAddress: string
      readonly buyerPort: number
      readonly caller: RemoteParty | null
    }
  /** Ports that were ready are not wanted: others may be bound in their place. */
  | { readonly kind: 'release'; readonly address: string; readonly ports: readonly number[] }
  /** The next target: a new pair of ports for the buyer's leg, the former ones closed. */
  | { readonly kind: 'fresh-buyer'; readonly ref: number; readonly session: number; readonly buyerAddress: string }
  /** Another pair of ports, for whoever may take a side's place; a former one that waits is closed. */
  | { readonly kind: 'spare'; readonly ref: number; readonly session: number; readonly address: string }
  /** The place is taken: the side's former ports are closed. Or it is not, and the spare ones are. */
  | { readonly kind: 'take-spare'; readonly ref: number; readonly session: number; readonly side: LegSide }
  | { readonly kind: 'drop-spare'; readonly session: number }
  /** An offer has its answer: who both parties are from now on. */
  | {
      readonly kind: 'agree'
      readonly ref: number
      readonly session: number
      readonly caller: RemoteParty
      readonly buyer: RemoteParty
      readonly watch: boolean
      readonly loop?: LoopTerms
    }
  /** Whether silence of a side is a timeout. */
  | { readonly kind: 'watch'; readonly session: number; readonly on: boolean }
  | { readonly kind: 'tool'; readonly session: number; readonly order: ToolOrder }
  | { readonly kind: 'stats' | 'close'; readonly ref: number; readonly session: number }

/** Answers to a `ref`. */
export type RelayReply =
  | { readonly kind: 'opened'; readonly ref: number; readonly callerPort: number; readonly buyerPort: number }
  | { readonly kind: 'spare-opened'; readonly ref: number; readonly port: number }
  | { readonly kind: 'agreed'; readonly ref: number }
  | { readonly kind: 'refused'; readonly ref: number; readonly reason: string }
  | { readonly kind: 'stats'; readonly ref: number; readonly stats: RelayStats }

export type FromRelayThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unusable'; readonly reason: string }
  /** A pair is bound, for whoever is given it. */
  | { readonly kind: 'ready-port'; readonly address: string; readonly port: number }
  | { readonly kind: 'silent'; readonly session: number; readonly side: LegSide }
  | { readonly kind: 'tool'; readonly session: number; readonly event: ToolEvent }
  /** A side's audio cannot be secured as agreed. */
  | { readonly kind: 'insecure'; readonly session: number; readonly side: LegSide; readonly reason: string }
  | RelayReply
