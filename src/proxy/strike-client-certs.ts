import { fieldIds } from '../http1/message/field-ids.ts';
import type { RequestHead } from '../http1/message/request-head.ts';

/** Strikes Client-Cert and Client-Cert-Chain: a server that believes them relies on the proxy that wrote them (RFC 9440 section 2.4). */
export function strikeClientCerts({ fields, clientCertLine }: RequestHead): void {
  for (let line = clientCertLine; line < fields.count; line++) {
    const id = fields.id(line);
    if (id === fieldIds['client-cert'] || id === fieldIds['client-cert-chain']) fields.strike(line);
  }
}
