import type { Bidder, BodyType, RequestTemplate } from '../../model/bidder.ts'
import { formatMoney } from '../../model/money.ts'
import { acceptance, Answer, finder } from './answer.ts'
import { readDestination, readOffer } from './offer.ts'
import { openRtb } from './openrtb.ts'
import { compileTemplate, type TemplateValues } from './template.ts'
import type { Dialect, HttpRequest, NoticeFacts, PingFacts, Wire } from './wire.ts'

const CONTENT_TYPE: Readonly<Record<BodyType, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  xml: 'application/xml',
  text: 'text/plain; charset=utf-8',
}

/** Makes a bidder's templates ready, with its secrets opened. Throws TemplateError and PathError. */
export function createDialect(bidder: Omit<Bidder, 'secrets'>, secrets: Readonly<Record<string, string>>): Dialect {
  const wire = bidder.dialect === 'openrtb' ? openRtb() : templated(bidder)
  const toPing = requestBuilder(bidder.ping, secrets, wire.body)
  const { post } = bidder
  const toPost = post && requestBuilder(post.request, secrets, null)
  const isTaken = post?.accept ? acceptance(post.accept) : null
  const findPlace = post?.destination ? finder(post.destination) : null
  const winUrl = bidder.winUrl === null ? null : compileTemplate(bidder.winUrl, 'url')
  const pingHost = hostOf(bidder.ping.url)
  const maxBid = formatMoney(bidder.maxBidMicros)
  const pingValues = (facts: PingFacts): TemplateValues['values'] => ({ ...valuesOf(facts), max_bid: maxBid })
  const lossUrl = bidder.lossUrl === null ? null : compileTemplate(bidder.lossUrl, 'url')
  return {
    buildPing: (facts) => toPing(facts, pingValues(facts)),
    readPing(reply, facts) {
      const offer = wire.read(reply, facts)
      if (typeof offer === 'string') return offer
      if (offer.micros === 0n) return 'bidder_no_bid'
      return offer.micros > bidder.maxBidMicros ? 'bidder_price_above_max' : offer
    },
    post: toPost && {
      build: (facts) =>
        toPost(facts, { ...pingValues(facts), call_id: facts.callId, bid: facts.bid, price: facts.price }),
      read({ text }) {
        const answer = new Answer(text)
        if (isTaken && !isTaken(answer)) return 'bidder_post_refused'
        const said = findPlace?.(answer) ?? null
        const destination = said === null ? null : readDestination(said)
        return said !== null && destination === null ? 'bidder_bad_destination' : { destination }
      },
    },
    noticeUrl(offer, facts) {
      const values = { ...pingValues(facts), ...noticeValues(facts) }
      const fill = facts.result === 'win' ? winUrl : lossUrl
      if (fill) return fill({ values, tags: facts.tags, secrets })
      // An answer does not have us call whom it likes.
      const url = wire.noticeUrl(offer, facts)
      return url !== null && hostOf(url) === pingHost ? url : null
    },
  }
}

function templated({ answer: places }: Pick<Bidder, 'answer'>): Wire {
  if (!places) throw new TypeError('a bidder of templates says how its answers are read')
  const isAccepted = places.accept && acceptance(places.accept)
  const findBid = finder(places.bid)
  const findDestination = places.destination && finder(places.destination)
  const findBillableAfter = places.billableAfter && finder(places.billableAfter)
  const isJson = 'json' in places.bid || (places.accept !== null && 'json' in places.accept)
  return {
    body: null,
    read({ text }) {
      const answer = new Answer(text)
      if (isJson && answer.json === undefined) return text.trim() === '' ? 'bidder_no_bid' : 'bidder_garbage'
      if (isAccepted && !isAccepted(answer)) return 'bidder_no_bid'
      const price = findBid(answer)
      if (price === null) return isAccepted ? 'bidder_bad_price' : 'bidder_no_bid'
      const said = { destination: findDestination?.(answer), billableAfter: findBillableAfter?.(answer) }
      return readOffer(price, said.destination, said.billableAfter)
    },
    noticeUrl: () => null,
  }
}

function requestBuilder(
  { method, url, headers, body, bodyType }: RequestTemplate,
  secrets: TemplateValues['secrets'],
  ownBody: ((facts: PingFacts) => string) | null,
): (facts: PingFacts, values: TemplateValues['values']) => HttpRequest {
  const fillUrl = compileTemplate(url, 'url')
  const fillBody = ownBody === null && body !== null ? compileTemplate(body, bodyType) : null
  const fields = Object.entries(headers).map(([name, value]) => [name, compileTemplate(value, 'header')] as const)
  const hasBody = ownBody !== null || body !== null
  const isTyped = fields.some(([name]) => name.toLowerCase() === 'content-type')
  return (facts, values) => {
    const from = { values, tags: facts.tags, secrets }
    const said: Record<string, string> = {}
    if (hasBody && !isTyped) said['Content-Type'] = CONTENT_TYPE[ownBody ? 'json' : bodyType]
    for (const [name, fill] of fields) said[name] = fill(from)
    return { method, url: fillUrl(from), headers: said, body: ownBody?.(facts) ?? fillBody?.(from) ?? null }
  }
}

/** Null: it is no URL. */
function hostOf(url: string): string | null {
  return URL.parse(url)?.hostname ?? null
}

function valuesOf(facts: PingFacts): TemplateValues['values'] {
  return {
    ping_id: facts.pingId,
    caller: facts.caller ?? '',
    caller_number: facts.callerNumber ?? '',
    area_code: facts.areaCode ?? '',
    state: facts.state ?? '',
    zip: facts.zip ?? '',
    vertical: facts.vertical,
    currency: facts.currency,
    timeout_ms: String(facts.timeoutMs),
    time: new Date(facts.atMs).toISOString(),
  }
}

function noticeValues({ result, bid, price, code, reasonNumber }: NoticeFacts): TemplateValues['values'] {
  return { result, bid, price, reason: code ?? '', reason_code: String(reasonNumber) }
}
