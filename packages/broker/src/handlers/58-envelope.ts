/** Envelope (58): what another broker asks of the controller (metadata/forwarded.ts). Only for brokers of the cluster. */
import type { Envelope } from '@ottla/protocol/apis/58-envelope.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { decodeCall, encodeResult, type ForwardedCall, failAll } from '../metadata/forwarded.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { answered, type Handler } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof Envelope>
type Response = ResponseInputOf<typeof Envelope>
type Parts = Pick<BrokerParts, 'config' | 'localController'>

export function envelope(parts: Parts): Handler<Request, Response> {
  return (context, { requestData }) => {
    const isBrokers = context.listener === parts.config().interBrokerListenerName
    if (!isBrokers || !context.authorize('clusterAction', 'cluster', CLUSTER_RESOURCE_NAME)) {
      return answered({ responseData: null, errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED') })
    }
    const call = decodeCall(requestData)
    return { ordered: null, reply: carryOut(parts, call) }
  }
}

async function carryOut({ localController }: Parts, call: ForwardedCall): Promise<Response> {
  const method = localController[call.method] as (
    ...args: readonly unknown[]
  ) => Promise<Parameters<typeof encodeResult>[1]>
  try {
    return { responseData: encodeResult(call.method, await method(...call.args)), errorCode: 0 }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { responseData: encodeResult(call.method, failAll(call, error)), errorCode: 0 }
  }
}
