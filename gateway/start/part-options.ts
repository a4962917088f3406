import type { LegLaw } from '../../compliance/enforcement.ts'
import type { Settings } from '../../config/settings.ts'
import type { BindingLimits } from '../registrar/bindings.ts'
import { vaultOf } from './vault.ts'

/** What the settings tell compliance. */
export function complianceOptions(settings: Settings) {
  const { tcpa, unknownLocation, screening, enforcement, consent } = settings.compliance
  const { policy, inbound, transfer, outbound } = enforcement
  return {
    tcpaEnabled: tcpa.enabled,
    callingHours: tcpa.callingHours,
    stateHoursFile: tcpa.stateHoursFile,
    unknownLocation,
    stopsAtFirst: screening.collect === 'first',
    enforcement: {
      policy,
      legs: { inbound: lawsOf(inbound), transfer: lawsOf(transfer), outbound: lawsOf(outbound) },
    },
    consent: {
      isAlwaysAsked: consent.asked === 'always',
      acceptsBrought: consent.brought === 'accept',
      maxInMemory: consent.maxInMemory,
    },
  }
}

/** `none` stands for an empty list; unset, the law decides. */
function lawsOf(named: readonly (LegLaw | 'none')[] | null): readonly LegLaw[] | null {
  return named && named.filter((each) => each !== 'none')
}

/** What the settings tell the outbox, and how to reach Kafka; `kafka` null: there is none. */
export function outboxOptions({ kafka, outbox }: Settings) {
  const { brokers, topic, partitions, tls, mechanism, username, password } = kafka
  const login = username === null ? null : { mechanism, username, password: password ?? '' }
  return { kafka: brokers && { brokers, topic, partitions, tls, login }, ...outbox }
}

/** In seconds, whole ones that no setting is stretched by. */
export function bindingLimits(registration: Settings['telephony']['registration']): BindingLimits {
  return {
    minExpires: Math.ceil(registration.minExpiresMs / 1000),
    maxExpires: Math.floor(registration.maxExpiresMs / 1000),
    defaultExpires: Math.floor(registration.defaultExpiresMs / 1000),
    maxBindings: registration.maxBindings,
  }
}

/** What storage seals with, and how long it keeps what. Throws SettingsError. */
export function privacyOptions(settings: Settings) {
  return { vault: vaultOf(settings), retention: settings.retention }
}
