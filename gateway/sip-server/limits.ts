/** Every bound of the server, by name. Reaching one is answered, never suffered. */
export interface SipServerLimits {
  /** Open transactions of both sides together, those that only absorb retransmissions not counted. Above it a new request from the network gets 503. */
  readonly maxTransactions: number
  /**
   * Answered transactions that absorb retransmissions for half a minute. Above it new requests from the network get 503 without one,
   * above half of it those of sources nobody vouches for: whoever floods with invented addresses must not take a carrier's place.
   */
  readonly maxLingering: number
  /** Dialogs, early ones included. Above it a new INVITE gets 503, and the application's own INVITE is refused. */
  readonly maxDialogs: number
  /**
   * Connections of each TCP listener, accepted and opened. Above it an arriving connection is closed at once; above three quarters of
   * it one of somebody nobody vouches for.
   */
  readonly maxTcpConnections: number
  /** The same of each TLS listener, handshakes included. */
  readonly maxTlsConnections: number
  /** The same of each WebSocket listener: every browser has its own. */
  readonly maxWebSocketConnections: number
  /** Connections of one listener with one address: a call centre behind its NAT, not somebody who takes them all. */
  readonly maxConnectionsPerSource: number
  /** The same for this machine's loopback addresses: a proxy in front of us brings everybody's from there. */
  readonly maxConnectionsPerLoopback: number
  /** Contacts of registered clients that are reached over their connection. */
  readonly maxFlows: number
  /** The same of one connection. */
  readonly maxFlowsPerConnection: number
  /** One SIP message, headers and body together. */
  readonly maxMessageBytes: number
  /** Bytes waiting to be written on one connection; more and the connection is closed. */
  readonly maxQueueBytes: number
  /** How long a TLS handshake, or the HTTP request that becomes a WebSocket, may take. */
  readonly handshakeMs: number
  /** How long a message may take to arrive once it has begun. */
  readonly partialMessageMs: number
  /** A connection that has not carried a message by then is closed. */
  readonly tcpSilentMs: number
  /** One that has, and is silent for so long: longer than a call, since a client behind NAT has no other way to get its BYE. */
  readonly tcpIdleMs: number
  /** How long a TCP or TLS connection of ours may take to be made. */
  readonly tcpConnectMs: number
  /** How often a connection that we opened is pinged while it carries a dialog or a registration of ours; what clients are told (RFC 6223). */
  readonly keepAliveMs: number
  /** How often a WebSocket is pinged: proxies commonly cut one that is silent for 60 s. */
  readonly webSocketPingMs: number
  /** How long the answer to a ping may take (RFC 5626 §4.4.1: 10 s). */
  readonly pongMs: number
  /** Kernel buffers of each UDP socket; the default ones lost packets at 2,400 calls/s. */
  readonly socketBufferBytes: number
  /** One frame of the control protocol. */
  readonly maxFrameBytes: number
  /** Applications connected at a time. */
  readonly maxApplications: number
  /** Bytes waiting to be read by one application; more and it is taken for dead. */
  readonly maxApplicationQueueBytes: number
  /** An application that has not authenticated by then is disconnected. */
  readonly authenticateMs: number
  /** Methods one application may ask for. */
  readonly maxRoutes: number
  /** A dialog whose application is gone waits for it so long, and is then ended with BYE. */
  readonly applicationGraceMs: number
  /** Requests inside dialogs that wait for one application to come back; more are answered 480 with Retry-After. */
  readonly maxHeldRequests: number
  /** An application that came back has so long to say that it does not know a dialog; then the dialog is its own again. */
  readonly reclaimMs: number
  /** A request that the application has said nothing to for so long is answered by the server itself. */
  readonly applicationSilenceMs: number
  /** An application that is asked to answer a cancelled INVITE has so long for it. */
  readonly cancelAnswerMs: number
  /** An INVITE may ring for so long after the last provisional response, in either direction. */
  readonly maxRingingMs: number
  /** Targets one proxied request may have, those it is redirected to included. */
  readonly maxProxyBranches: number
  /** How long a request handler may take to say whose a request is. */
  readonly handlerMs: number
  /** Its answer. */
  readonly maxHandlerAnswerBytes: number
  /** New requests that wait for one; above it a request gets 503. */
  readonly maxPendingDecisions: number
  /** Connections we made to applications, one for each request. Above it the request gets 480. */
  readonly maxOutboundConnections: number
  /** How long such a connection may take to be made. */
  readonly outboundConnectMs: number
  /** Timer C (RFC 3261 §16.6 step 11): a proxied INVITE may go so long without a final answer or another provisional one. */
  readonly proxyTimerCMs: number
  /**
   * Early dialogs of one INVITE that are told apart; answers of further forks are shown, but nothing can be sent to those. So many
   * further forks that have answered are hung up on, and no more: each costs us an ACK and a BYE.
   */
  readonly maxForks: number
  /** Provisional answers of one INVITE that are shown. */
  readonly maxShownProvisionals: number
  /** Reliable provisional answers of one INVITE that wait for the PRACK of those before them; more are refused. */
  readonly maxProvisionals: number
  /** The shortest session interval a peer may ask for, seconds (RFC 4028 §5: not below 90 on any real network). */
  readonly minSessionExpiresS: number
  /** A dialog that is older than this is ended with BYE: nothing lives for ever. */
  readonly maxDialogMs: number
  /** Questions to the server's thread that wait for their answer; one more is refused. */
  readonly maxQuestions: number
  /** How long one may wait. */
  readonly questionMs: number
  /** Kinds of requests (party, direction, method, transport, status) counted apart; those beyond it are counted as `other`'s. */
  readonly maxPartySeries: number
  /** Call-IDs whose messages are remembered for the trace; above it the one that began first is forgotten. */
  readonly maxTracedCalls: number
  /** Messages in one answer of the trace; later ones are counted. */
  readonly maxTraceAnswer: number
  /** Bytes of exported messages that the system has not taken yet; with as many waiting, messages go unexported. */
  readonly maxHepQueueBytes: number
  /** Names whose servers are remembered; the oldest is forgotten for another. */
  readonly maxNames: number
  /** Names being asked for at a time; a request to one more fails as if it had no address. */
  readonly maxNameLookups: number
  /** How long all DNS questions of one name together may take. */
  readonly nameLookupMs: number
  /** How long one DNS server may take to answer one question; it is asked twice. */
  readonly dnsTimeoutMs: number
  /** An address is believed at least and at most so long, whatever its time to live. */
  readonly nameTtlFloorMs: number
  readonly nameTtlCeilingMs: number
  /** SRV records are believed for so long: Node does not tell their time to live. */
  readonly serviceTtlMs: number
  /** So long it is believed that a name has no address (RFC 2308). */
  readonly nameNegativeTtlMs: number
  /** So long nobody is asked again after nobody could say. */
  readonly nameFailureTtlMs: number
  /** What was known stands in for so long while nobody can say (RFC 8767). */
  readonly nameStaleMs: number
  /** Records of one kind that count for one name. */
  readonly maxServersOfName: number
  /** Hops one request is tried at (RFC 3263 §4.3). */
  readonly maxHops: number
  /** An INVITE without any answer for so long goes to the next hop, when there is one. */
  readonly hopTimeoutMs: number
  /** A hop that failed comes after the others for so long, unless its Retry-After says how long. */
  readonly hopPenaltyMs: number
  /** The longest Retry-After that counts. */
  readonly maxHopPenaltyMs: number
  /** Failed hops remembered. */
  readonly maxHopPenalties: number
  /** A larger request goes over TCP where the URI does not insist on UDP (RFC 3261 §18.1.1). */
  readonly maxUdpRequestBytes: number
  /** One sent over TCP for its size alone goes over UDP when nothing has been heard for so long. */
  readonly largeRequestTcpMs: number
  /** A peer that did not take one over TCP is not tried that way for so long. */
  readonly noTcpPenaltyMs: number
}

export const DEFAULT_LIMITS: SipServerLimits = {
  maxTransactions: 100_000,
  maxLingering: 600_000,
  maxDialogs: 50_000,
  maxTcpConnections: 2_000,
  maxTlsConnections: 10_000,
  maxWebSocketConnections: 100_000,
  maxConnectionsPerSource: 1_000,
  maxConnectionsPerLoopback: 100_000,
  maxFlows: 200_000,
  maxFlowsPerConnection: 10,
  maxMessageBytes: 65_535,
  maxQueueBytes: 1_048_576,
  handshakeMs: 10_000,
  partialMessageMs: 30_000,
  tcpSilentMs: 30_000,
  tcpIdleMs: 10_800_000,
  tcpConnectMs: 5_000,
  keepAliveMs: 90_000,
  webSocketPingMs: 25_000,
  pongMs: 10_000,
  socketBufferBytes: 4_194_304,
  maxFrameBytes: 1_048_576,
  maxApplications: 100,
  maxApplicationQueueBytes: 67_108_864,
  authenticateMs: 5_000,
  maxRoutes: 64,
  applicationGraceMs: 30_000,
  maxHeldRequests: 1_000,
  reclaimMs: 1_000,
  applicationSilenceMs: 64_000,
  cancelAnswerMs: 250,
  maxRingingMs: 600_000,
  maxProxyBranches: 20,
  handlerMs: 3_000,
  maxHandlerAnswerBytes: 65_536,
  maxPendingDecisions: 1_000,
  maxOutboundConnections: 1_000,
  outboundConnectMs: 2_000,
  proxyTimerCMs: 185_000,
  minSessionExpiresS: 90,
  maxForks: 16,
  maxShownProvisionals: 1_000,
  maxProvisionals: 16,
  maxDialogMs: 21_600_000,
  maxQuestions: 1_000,
  questionMs: 10_000,
  maxPartySeries: 20_000,
  maxTracedCalls: 50_000,
  maxTraceAnswer: 2_000,
  maxHepQueueBytes: 1_048_576,
  maxNames: 10_000,
  maxNameLookups: 1_000,
  nameLookupMs: 6_000,
  dnsTimeoutMs: 1_000,
  nameTtlFloorMs: 5_000,
  nameTtlCeilingMs: 300_000,
  serviceTtlMs: 60_000,
  nameNegativeTtlMs: 30_000,
  nameFailureTtlMs: 5_000,
  nameStaleMs: 3_600_000,
  maxServersOfName: 16,
  maxHops: 8,
  hopTimeoutMs: 4_000,
  hopPenaltyMs: 30_000,
  maxHopPenaltyMs: 300_000,
  maxHopPenalties: 1_000,
  maxUdpRequestBytes: 1_300,
  largeRequestTcpMs: 2_000,
  noTcpPenaltyMs: 300_000,
}

const MAX_SWEEP_MS = 5_000
const MIN_SWEEP_MS = 20

/** How often each connection is looked at: often enough for the shortest of its deadlines. */
export function sweepRoundMs(limits: SipServerLimits): number {
  const { tcpSilentMs, tcpIdleMs, tcpConnectMs, partialMessageMs, keepAliveMs, webSocketPingMs, pongMs } = limits
  const shortest = Math.min(
    tcpSilentMs,
    tcpIdleMs,
    tcpConnectMs,
    partialMessageMs,
    keepAliveMs,
    webSocketPingMs,
    pongMs,
  )
  return Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, shortest / 4))
}
