/**
 * The operator's HTTP endpoint: `/live` (the process answers), `/ready` (it serves clients: 200, else 503) and
 * `/metrics`.
 */
import { type HttpAnswer, HttpServer } from '@ottla/base/http-server.ts'
import { type MetricSources, metricsText } from './metrics.ts'

export interface AdminOptions {
  readonly host: string
  readonly port: number
  readonly isReady: () => boolean
  readonly metrics: MetricSources
}

export function serveAdmin(options: AdminOptions): Promise<HttpServer> {
  return HttpServer.listen({ host: options.host, port: options.port, answer: (path) => answer(path, options) })
}

function answer(path: string, { isReady, metrics }: AdminOptions): HttpAnswer {
  switch (path) {
    case '/live':
      return text(200, 'live\n')
    case '/ready':
      return isReady() ? text(200, 'ready\n') : text(503, 'not ready\n')
    case '/metrics':
      return { status: 200, contentType: 'text/plain; version=0.0.4', body: metricsText(metrics) }
    default:
      return text(404, 'There are /live, /ready and /metrics\n')
  }
}

function text(status: number, body: string): HttpAnswer {
  return { status, contentType: 'text/plain', body }
}
