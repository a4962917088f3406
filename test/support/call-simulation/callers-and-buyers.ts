import type { Habits } from '../sip-simulation/habits.ts'
import type { Scenario } from './scenario.ts'
import { BUYERS, EXCHANGE } from './simulated-market.ts'

/** What phones say they can hear: two codecs or one, at changing ports, on hold or not, and now and then no audio at all. */
const DESCRIPTIONS = [
  ...[4000, 4002, 4004, 4006].map((port) => described(`m=audio ${port} RTP/AVP 0 8`)),
  described('m=audio 4000 RTP/AVP 0 8\r\na=sendonly'),
  described('m=audio 4000 RTP/AVP 0 8\r\na=inactive'),
  described('m=audio 4000 RTP/AVP 8'),
  described('m=video 4000 RTP/AVP 96'),
]

function described(media: string): string {
  return `v=0\r\no=- 1 1 IN IP4 10.0.0.200\r\ns=-\r\nc=IN IP4 10.0.0.200\r\nt=0 0\r\n${media}\r\n`
}

/** How everybody behaves in a scenario. */
export function habitsOf({ weather: { transport }, callHeaders }: Scenario): Habits {
  const at = (user: string, host: string): string =>
    `<sip:${user}@${host}:5060${transport === 'tcp' ? ';transport=tcp' : ''}>`
  return {
    callHeaders,
    descriptions: DESCRIPTIONS,
    redirections: BUYERS.map((host) => at('elsewhere', host)),
    referralsToOwn: `sip:other@${EXCHANGE}:5060${transport === 'tcp' ? ';transport=tcp' : ''}`,
    referrals: BUYERS.map((host) => at('colleague', host)),
  }
}
