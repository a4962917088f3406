import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Bidders, type BidderLimits } from '../../gateway/bidders/bidders.ts'
import { CallerNames } from '../../gateway/bidders/caller-names.ts'
import { PingTokens } from '../../gateway/bidders/ping-token.ts'
import { SecretBox } from '../../gateway/bidders/secret-box.ts'
import type { Call } from '../../gateway/live-call.ts'
import { AddressGuard } from '../../gateway/outgoing/address-guard.ts'
import { ClientShelf } from '../../gateway/outgoing/client-shelf.ts'
import { HttpClient } from '../../gateway/outgoing/http-client.ts'
import type { Award } from '../../model/auction.ts'
import type { Bidder } from '../../model/bidder.ts'
import { isSipUri } from '../../model/sip-uri.ts'
import type { RoutingOptions } from '../../routing/route-call.ts'
import { aBidder } from './bidder-drafts.ts'
import { aCampaign, anAccount, aNumber, aTarget, change, dollars } from './market.ts'
import { PingStage } from './ping-stage.ts'

/** Long enough that a bidder of this machine answers, however busy it is. */
const PATIENT_MS = 10_000

export interface Heard {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What a bidder does with a request: answers it itself, or returns what is to be answered in JSON. */
export type Behaviour = (heard: Heard, response: ServerResponse) => unknown

/** A bidder's own server, on loopback. */
export class BidderServer {
  readonly heard: Heard[] = []
  readonly url: string
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  static async start(behaviour: Behaviour): Promise<BidderServer> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const heard = { method, url, headers, body: Buffer.concat(chunks).toString() }
        bidder.heard.push(heard)
        const answer = behaviour(heard, response)
        if (answer !== undefined) response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const bidder = new BidderServer(server)
    return bidder
  }

  /** The JSON bodies it has heard. */
  get bodies(): Record<string, string>[] {
    return this.heard.map(({ body }) => JSON.parse(body) as Record<string, string>)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** The parts that decide calls, with bidders that are asked over real HTTP. */
export class BidderStage extends PingStage {
  readonly bidders: Bidders
  readonly secrets: SecretBox
  readonly tokens: PingTokens
  readonly #servers: BidderServer[] = []

  constructor(
    limits: Partial<BidderLimits> = {},
    networks: readonly string[] = ['127.0.0.0/8'],
    routing: RoutingOptions = {},
  ) {
    const secret = Buffer.alloc(32, 7)
    const box = new SecretBox(secret)
    const tokens = new PingTokens(secret)
    const guard = new AddressGuard(networks)
    const client = (): HttpClient => new HttpClient(guard, { connections: 8, maxAnswerBytes: 65_536 })
    let made: Bidders | undefined
    super(
      {},
      (needs) => {
        made = new Bidders({
          ...needs,
          clients: new ClientShelf(100, client),
          noticeClient: client(),
          secrets: box,
          callerNames: new CallerNames(secret),
          tokens,
          limits: { deadlineMs: PATIENT_MS, maxUnderWay: 100, reentryMs: 300_000, ...limits },
          isRingable: (destination) => !isSipUri(destination) || !destination.includes('carrier'),
        })
        return made
      },
      routing,
    )
    this.bidders = made!
    this.secrets = box
    this.tokens = tokens
  }

  /** A buyer with money and a bidder at a server that behaves like this. */
  async bidder(id: string, behaviour: Behaviour, changes: Partial<Bidder> = {}): Promise<BidderServer> {
    const server = await BidderServer.start(behaviour)
    this.#servers.push(server)
    this.addBidder(aBidder(id, server.url, { timeoutMs: PATIENT_MS, ...changes }))
    return server
  }

  addBidder(bidder: Bidder): void {
    const { accountId, targetId, campaignId } = bidder
    this.apply(
      change.account(anAccount(accountId, { creditLimitMicros: dollars(1000) })),
      change.target(aTarget(targetId, accountId)),
      change.campaign(aCampaign(campaignId, accountId)),
      { kind: 'bidder', id: bidder.id, value: bidder },
    )
  }

  deadline(bidderDeadlineMs: number | null): void {
    const number = aNumber({ bidderDeadlineMs })
    this.apply({ kind: 'number', id: number.id, value: number })
  }

  /** A call as it comes, its bidders asked, up to its awards; empty when nobody buys it. */
  async offer(options: Parameters<PingStage['screened']>[0] = {}): Promise<{ call: Call; awards: readonly Award[] }> {
    const call = this.screened(options)
    await this.exchange.takeBids(call)
    try {
      return { call, awards: this.exchange.auction(call) }
    } catch {
      return { call, awards: [] }
    }
  }

  /** Why bidders made no bid, or did not win, by their ids. */
  static reasons({ auction }: Call): Record<string, string> {
    return Object.fromEntries(auction!.nonBids.map(({ bidId, code }) => [bidId, code]))
  }

  over(call: Call): void {
    for (const release of call.releases.splice(0)) release()
  }

  async close(): Promise<void> {
    await this.bidders.close()
    await Promise.all(this.#servers.map((server) => server.close()))
  }
}
