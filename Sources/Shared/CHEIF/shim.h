// The parts of libheif that libvips does not reach: its version, the decoders that it finds, and an encoder for AVIF,
// as the one of libvips 8.14 does not work with libheif 1.19 ("heif_writer callback returned a null error text").
#ifndef CHEIF_SHIM_H
#define CHEIF_SHIM_H

#include <libheif/heif.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    unsigned char *bytes;
    size_t count;
} cheif_file;

// heif_error holds a pointer to static text, and its writer is a function of C.
static inline struct heif_error cheif_write(struct heif_context *context, const void *data, size_t size, void *target) {
    (void)context;
    cheif_file *file = (cheif_file *)target;
    struct heif_error error = {heif_error_Ok, heif_suberror_Unspecified, "Success"};
    file->bytes = (unsigned char *)malloc(size > 0 ? size : 1);
    if (file->bytes == NULL) {
        error.code = heif_error_Memory_allocation_error;
        error.message = "out of memory";
        return error;
    }
    memcpy(file->bytes, data, size);
    file->count = size;
    return error;
}

// Encodes `height` × `width` × `bands` bytes of 8-bit sRGB, 3 bands, or 4 with alpha, as AVIF. `speed` is the
// encoder's: 0 slow … 9 fast. Returns NULL, or libheif's words, which are static or live for as long as the process
// does.
static inline const char *cheif_encode_avif(
    const unsigned char *pixels, int width, int height, int bands, int quality, int speed, cheif_file *file
) {
    struct heif_context *context = heif_context_alloc();
    struct heif_encoder *encoder = NULL;
    struct heif_image *image = NULL;
    struct heif_image_handle *handle = NULL;
    struct heif_color_profile_nclx *colours = NULL;
    struct heif_error error = heif_context_get_encoder_for_format(context, heif_compression_AV1, &encoder);
    if (error.code == heif_error_Ok) error = heif_encoder_set_lossy_quality(encoder, quality);
    if (error.code == heif_error_Ok) {
        // Not every encoder has it.
        heif_encoder_set_parameter_integer(encoder, "speed", speed);
        error = heif_image_create(width, height, heif_colorspace_RGB,
                                  bands == 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, &image);
    }
    if (error.code == heif_error_Ok) error = heif_image_add_plane(image, heif_channel_interleaved, width, height, 8);
    if (error.code == heif_error_Ok) {
        int stride = 0;
        unsigned char *plane = heif_image_get_plane(image, heif_channel_interleaved, &stride);
        for (int row = 0; row < height; row++) {
            memcpy(plane + (size_t)stride * row, pixels + (size_t)width * bands * row, (size_t)width * bands);
        }
        // sRGB, and the matrix that decoders expect where nothing is said.
        colours = heif_nclx_color_profile_alloc();
        struct heif_encoding_options *options = heif_encoding_options_alloc();
        if (colours != NULL && options != NULL) {
            colours->color_primaries = heif_color_primaries_ITU_R_BT_709_5;
            colours->transfer_characteristics = heif_transfer_characteristic_IEC_61966_2_1;
            colours->matrix_coefficients = heif_matrix_coefficients_ITU_R_BT_601_6;
            colours->full_range_flag = 1;
            options->output_nclx_profile = colours;
        }
        error = heif_context_encode_image(context, image, encoder, options, &handle);
        if (options != NULL) heif_encoding_options_free(options);
    }
    if (error.code == heif_error_Ok) {
        struct heif_writer writer = {1, cheif_write};
        error = heif_context_write(context, &writer, file);
    }
    if (handle != NULL) heif_image_handle_release(handle);
    if (image != NULL) heif_image_release(image);
    if (encoder != NULL) heif_encoder_release(encoder);
    if (colours != NULL) heif_nclx_color_profile_free(colours);
    // The words may belong to the context.
    static char words[256];
    if (error.code != heif_error_Ok) {
        strncpy(words, error.message != NULL ? error.message : "no reason given", sizeof words - 1);
    }
    heif_context_free(context);
    return error.code == heif_error_Ok ? NULL : words;
}

#endif
