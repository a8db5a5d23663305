// Parts of libvips and GLib that Swift cannot import. Every libvips operation takes its options as a variadic
// NULL-terminated list, which Swift cannot call, so each one in use has a function with fixed parameters here.
// A function that makes an image returns NULL on failure; libvips' words are then in its error buffer.
#ifndef CVIPS_SHIM_H
#define CVIPS_SHIM_H

#include <vips/vips.h>

// MARK: Loading. Variadic. Always sequential (rows stream through), and damaged data is an error, not grey pixels.

static inline VipsImage *cvips_load_jpeg(VipsSource *source, int shrink) {
    VipsImage *image = NULL;
    int failed = vips_jpegload_source(source, &image, "shrink", shrink, "access", VIPS_ACCESS_SEQUENTIAL,
                                      "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    return failed ? NULL : image;
}

static inline VipsImage *cvips_load_webp(VipsSource *source, double scale) {
    VipsImage *image = NULL;
    int failed = vips_webpload_source(source, &image, "scale", scale, "access", VIPS_ACCESS_SEQUENTIAL,
                                      "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    return failed ? NULL : image;
}

static inline VipsImage *cvips_load_png(VipsSource *source) {
    VipsImage *image = NULL;
    int failed = vips_pngload_source(source, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                                     NULL);
    return failed ? NULL : image;
}

static inline VipsImage *cvips_load_gif(VipsSource *source) {
    VipsImage *image = NULL;
    int failed = vips_gifload_source(source, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                                     NULL);
    return failed ? NULL : image;
}

static inline VipsImage *cvips_load_tiff(VipsSource *source) {
    VipsImage *image = NULL;
    int failed = vips_tiffload_source(source, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                                      NULL);
    return failed ? NULL : image;
}

static inline VipsImage *cvips_load_heif(VipsSource *source) {
    VipsImage *image = NULL;
    int failed = vips_heifload_source(source, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                                      NULL);
    return failed ? NULL : image;
}

// MARK: A source of our own. Its signals are connected by macros around function-pointer casts.

typedef gint64 (*cvips_read)(void *context, void *buffer, gint64 count);
typedef gint64 (*cvips_seek)(void *context, gint64 offset, int whence);

typedef struct {
    cvips_read read;
    cvips_seek seek;
    void (*release)(void *context);
    void *context;
} cvips_reader;

static inline gint64 cvips_source_read(VipsSourceCustom *source, void *buffer, gint64 count, cvips_reader *reader) {
    (void)source;
    return reader->read(reader->context, buffer, count);
}

static inline gint64 cvips_source_seek(VipsSourceCustom *source, gint64 offset, int whence, cvips_reader *reader) {
    (void)source;
    return reader->seek(reader->context, offset, whence);
}

static inline void cvips_source_release(void *reader, GClosure *closure) {
    (void)closure;
    ((cvips_reader *)reader)->release(((cvips_reader *)reader)->context);
    g_free(reader);
}

// `release` is called once, when the source goes.
static inline VipsSource *cvips_source(
    cvips_read read, cvips_seek seek, void (*release)(void *context), void *context
) {
    cvips_reader *reader = g_new(cvips_reader, 1);
    *reader = (cvips_reader){read, seek, release, context};
    VipsSourceCustom *source = vips_source_custom_new();
    g_signal_connect_data(source, "read", G_CALLBACK(cvips_source_read), reader, NULL, (GConnectFlags)0);
    g_signal_connect_data(
        source, "seek", G_CALLBACK(cvips_source_seek), reader, cvips_source_release, (GConnectFlags)0);
    return VIPS_SOURCE(source);
}

// MARK: Operations. Variadic.

// Resizes to exactly `width` × `height` and turns upright. No profile is given: with one, libvips 8.14 takes sRGB
// pixels that carry no profile through D65 XYZ and back through D50, and pure blue comes out as (84, 15, 252).
static inline VipsImage *cvips_thumbnail(VipsImage *image, int width, int height) {
    VipsImage *out = NULL;
    int failed = vips_thumbnail_image(image, &out, width, "height", height, "size", VIPS_SIZE_FORCE, NULL);
    return failed ? NULL : out;
}

// Converts to sRGB from the embedded profile, or from `fallback_profile` where there is none.
static inline VipsImage *cvips_icc_to_srgb(VipsImage *image, const char *fallback_profile) {
    VipsImage *out = NULL;
    int failed = vips_icc_transform(image, &out, "srgb", "embedded", TRUE, "input_profile", fallback_profile,
                                    "black_point_compensation", TRUE, NULL);
    return failed ? NULL : out;
}

static inline VipsImage *cvips_colourspace_srgb(VipsImage *image) {
    VipsImage *out = NULL;
    return vips_colourspace(image, &out, VIPS_INTERPRETATION_sRGB, NULL) ? NULL : out;
}

static inline VipsImage *cvips_cast_uchar(VipsImage *image) {
    VipsImage *out = NULL;
    return vips_cast_uchar(image, &out, NULL) ? NULL : out;
}

static inline VipsImage *cvips_copy(VipsImage *image) {
    VipsImage *out = NULL;
    return vips_copy(image, &out, NULL) ? NULL : out;
}

static inline VipsImage *cvips_copy_as(VipsImage *image, VipsInterpretation interpretation) {
    VipsImage *out = NULL;
    return vips_copy(image, &out, "interpretation", interpretation, NULL) ? NULL : out;
}

static inline VipsImage *cvips_extract_bands(VipsImage *image, int first, int count) {
    VipsImage *out = NULL;
    return vips_extract_band(image, &out, first, "n", count, NULL) ? NULL : out;
}

// Lays the image over white and drops its alpha band. The vector of the background is a GObject, made and freed here.
static inline VipsImage *cvips_flatten_white(VipsImage *image) {
    VipsImage *out = NULL;
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    int failed = vips_flatten(image, &out, "background", white, NULL);
    vips_area_unref(VIPS_AREA(white));
    return failed ? NULL : out;
}

static inline int cvips_min(VipsImage *image, double *out) { return vips_min(image, out, NULL); }

// MARK: Saving. Variadic. `*bytes` is to be freed with g_free.

static inline int cvips_save_jpeg(VipsImage *image, int quality, void **bytes, size_t *count) {
    return vips_jpegsave_buffer(image, bytes, count, "Q", quality, "optimize_coding", TRUE, "strip", TRUE, NULL);
}

static inline int cvips_save_png(VipsImage *image, int compression, void **bytes, size_t *count) {
    return vips_pngsave_buffer(image, bytes, count, "compression", compression, "filter",
                               VIPS_FOREIGN_PNG_FILTER_ALL, "strip", TRUE, NULL);
}

static inline int cvips_save_webp(VipsImage *image, int quality, void **bytes, size_t *count) {
    return vips_webpsave_buffer(image, bytes, count, "Q", quality, "alpha_q", 100, "strip", TRUE, NULL);
}

// MARK: Signals. g_signal_connect is a macro around a function-pointer cast that Swift cannot express.

typedef void (*cvips_eval_callback)(VipsImage *image, VipsProgress *progress, void *context);

static inline gulong cvips_connect_eval(VipsImage *image, cvips_eval_callback callback, void *context) {
    return g_signal_connect_data(image, "eval", G_CALLBACK(callback), context, NULL, (GConnectFlags) 0);
}

#endif
