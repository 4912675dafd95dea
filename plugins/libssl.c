// SPDX-License-Identifier: Apache-2.0
// The name under which OpenSSL 3 no longer offers a function, for the web server inside Orthanc (civetweb 1.16 in
// Debian), which looks it up at run time and jumps to nothing at the first HTTPS request when it is not there.
#include <openssl/ssl.h>

#undef SSL_get_peer_certificate

X509 *SSL_get_peer_certificate(const SSL *connection)
{
    return SSL_get1_peer_certificate(connection);
}
