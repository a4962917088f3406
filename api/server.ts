import { createServer, STATUS_CODES, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { accountEndpoints } from './accounts.ts'
import { analyticsEndpoints } from './analytics.ts'
import { apiKeyEndpoints } from './api-keys.ts'
import { createApp } from './app.ts'
import { auctionEndpoints } from './auctions.ts'
import { auditEndpoints } from './audit.ts'
import { authEndpoints } from './auth.ts'
import { createAuthenticator } from './authenticate.ts'
import { bankAccountEndpoints } from './bank-accounts.ts'
import { bidderEndpoints } from './bidders.ts'
import { bidRequestEndpoints } from './bid-request.ts'
import { bidEndpoints } from './bids.ts'
import { callMonitorEndpoints } from './call-monitors.ts'
import { callEndpoints } from './calls.ts'
import { campaignEndpoints } from './campaigns.ts'
import { clickToCallEndpoints } from './click-to-call.ts'
import { complianceRuleEndpoints } from './compliance-rules.ts'
import { emergencyEndpoints } from './emergencies.ts'
import { createDrain } from './connections.ts'
import { consentEndpoints } from './consents.ts'
import { createCursors } from './cursors.ts'
import { debugEndpoints } from './debug.ts'
import { depositEndpoints } from './deposits.ts'
import { disputeEndpoints } from './disputes.ts'
import { dialectEndpoints } from './dialects/dialects.ts'
import { dncEndpoints } from './dnc.ts'
import { healthEndpoints } from './health.ts'
import type { Kit } from './kit.ts'
import { invoiceEndpoints } from './invoices.ts'
import { ledgerEndpoints } from './ledger.ts'
import { createLiveFeed } from './live-feed.ts'
import { fraudBlockEndpoints } from './fraud-blocks.ts'
import { fraudEndpoints } from './fraud.ts'
import { privacyEndpoints } from './privacy.ts'
import { notAvailableEndpoints } from './not-available.ts'
import { numberEndpoints } from './numbers.ts'
import { describeApi } from './openapi.ts'
import type { ApiOptions, ApiTimeouts } from './options.ts'
import { addPages } from './pages.ts'
import { conversionEndpoints } from './pricing.ts'
import { Problem, PROBLEM_TYPE, problemBody } from './problems.ts'
import { payoutEndpoints } from './payouts.ts'
import { qualityEndpoints } from './quality.ts'
import { recordingEndpoints } from './recordings.ts'
import { sipTraceEndpoints } from './sip-trace.ts'
import { sipUserEndpoints } from './sip-users.ts'
import { sipBanEndpoints } from './sip-bans.ts'
import { targetEndpoints } from './targets.ts'
import { trackingEndpoints } from './tracking.ts'
import { createTokens } from './tokens.ts'
import { webhookEndpoints } from './webhooks.ts'
import { webrtcEndpoints } from './webrtc.ts'
import { trunkEndpoints } from './trunks.ts'

const TIMEOUTS: ApiTimeouts = { requestMs: 60_000, headersMs: 10_000, closeMs: 3_000 }

export interface Api {
  /** Resolves with the port it listens on. Rejects with an Error that names address and port when that cannot be had. */
  listen(): Promise<{ port: number }>
  /** Takes no more requests, lets those under way end (3 s at most), closes the WebSockets. */
  close(): Promise<void>
  /** Listeners of the live feed now. */
  readonly feedClients: number
}

/** The face buyers, sellers and operators use: REST, WebSocket, console and metrics on one port. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { settings, clock } = options
  const tokens = await createTokens(options.keys, settings.tokenExpirySeconds, clock)
  const kit: Kit = {
    ...options,
    tokens,
    cursors: createCursors(options.keys.privateKeyPem),
    authenticator: createAuthenticator({ ...options, tokens }),
  }
  const endpoints = [
    ...authEndpoints(kit),
    ...accountEndpoints(kit),
    ...ledgerEndpoints(kit),
    ...disputeEndpoints(kit),
    ...invoiceEndpoints(kit),
    ...bankAccountEndpoints(kit),
    ...payoutEndpoints(kit),
    ...depositEndpoints(kit),
    ...analyticsEndpoints(kit),
    ...apiKeyEndpoints(kit),
    ...trunkEndpoints(kit),
    ...sipUserEndpoints(kit),
    ...numberEndpoints(kit),
    ...targetEndpoints(kit),
    ...trackingEndpoints(kit),
    ...webhookEndpoints(kit),
    ...bidderEndpoints(kit),
    ...campaignEndpoints(kit),
    ...conversionEndpoints(kit),
    ...bidEndpoints(kit),
    ...bidRequestEndpoints(kit),
    ...dialectEndpoints(kit),
    ...dncEndpoints(kit),
    ...consentEndpoints(kit),
    ...complianceRuleEndpoints(kit),
    ...emergencyEndpoints(kit),
    ...fraudEndpoints(kit),
    ...fraudBlockEndpoints(kit),
    ...auditEndpoints(kit),
    ...privacyEndpoints(kit),
    ...callEndpoints(kit),
    ...clickToCallEndpoints(kit),
    ...webrtcEndpoints(kit),
    ...recordingEndpoints(kit),
    ...callMonitorEndpoints(kit),
    ...sipTraceEndpoints(kit),
    ...qualityEndpoints(kit),
    ...auctionEndpoints(kit),
    ...sipBanEndpoints(kit),
    ...debugEndpoints(kit),
    ...healthEndpoints(kit),
    ...notAvailableEndpoints(),
  ]
  const app = createApp(kit, endpoints, (pages) => addPages(pages, kit, () => describeApi(endpoints, kit.version)))
  const { requestMs, headersMs, closeMs } = { ...TIMEOUTS, ...options.timeouts }
  const timeouts = {
    requestTimeout: requestMs,
    headersTimeout: headersMs,
    connectionsCheckingInterval: Math.min(requestMs, headersMs) / 2,
  }
  const server = createServer(timeouts, app)
  server.on('clientError', answerGarbage)
  const drain = createDrain(server)
  const feed = createLiveFeed(kit, server)

  return {
    get feedClients() {
      return feed.clients
    },
    listen: () => listen(server, settings.host, settings.port),
    async close() {
      feed.close()
      if (!server.listening) return
      const closed = new Promise((resolve) => server.close(resolve))
      drain()
      const timer = setTimeout(() => {
        feed.terminate()
        server.closeAllConnections()
      }, closeMs)
      await closed
      clearTimeout(timer)
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? 'is in use by another process; stop it, or choose another with DCE_SERVER_PORT'
          : error.code === 'EACCES'
            ? 'may not be listened on by this user; choose another with DCE_SERVER_PORT'
            : `cannot be listened on: ${error.message}`
      reject(new Error(`HTTP port ${port} on ${host} ${reason}`, { cause: error }))
    }
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      resolve({ port: (server.address() as AddressInfo).port })
    })
  })
}

/** What Node's parser could not read never becomes a request; it is owed an answer all the same. */
function answerGarbage(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const problem =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new Problem('headers_too_large', 'The request line and headers are more than 16 KB.')
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new Problem('request_timeout', 'The headers or the body did not arrive in time.')
        : new Problem('bad_request', 'This is not HTTP/1.1.')
  const body = problemBody(problem)
  const status = `${problem.status} ${STATUS_CODES[problem.status] ?? ''}`
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: ${PROBLEM_TYPE}\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
