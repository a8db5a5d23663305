#ifndef MEDIA_PROCESSOR_CCRYPTO_SHIM_H
#define MEDIA_PROCESSOR_CCRYPTO_SHIM_H

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#endif
