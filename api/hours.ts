import type { PhoneNumber } from '../model/phone-number.ts'

/** What the hours alone say of calling this number then: the answer of `POST /debug/compliance/tcpa`, in camel case. */
export interface HoursQuestion {
  readonly phoneNumber: PhoneNumber
  readonly time: Date
  readonly zip: string | null
  readonly consentZip?: string | null
  readonly ivrZip?: string | null
  readonly accountZip?: string | null
  readonly leg: 'inbound' | 'transfer' | 'outbound'
}
export interface HoursAnswer {
  readonly allowed: boolean
  readonly effect: 'allow' | 'block' | 'advisory'
  readonly rule: string
  readonly version: string
  readonly source: string
  readonly evidence: string
  readonly places: readonly { state: string; timezone: string; localTime: string; window: string }[]
  readonly nextAllowedAt: Date | null
}
