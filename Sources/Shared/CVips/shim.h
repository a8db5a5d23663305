// Parts of libvips and GLib that Swift cannot import. Every libvips operation takes its options as a variadic
// NULL-terminated list, which Swift cannot call, so each one in use has a function with fixed parameters here.
// A function that makes an image returns NULL on failure; libvips' words are then in its error buffer.
#ifndef CVIPS_SHIM_H
#define CVIPS_SHIM_H

#include <vips/vips.h>

// MARK: Loading. Variadic. Always sequential (rows stream through). Where a decoder gives the whole picture at once,
// libvips would keep more than 100 MB of it in a file beneath TMPDIR, so every loader is told to use memory instead.

#define CVIPS_LOADING "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", fail_on

static inline VipsImage *cvips_load_jpeg(VipsSource *source, int shrink, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_jpegload_source(source, &image, CVIPS_LOADING, "shrink", shrink, NULL) ? NULL : image;
}

static inline VipsImage *cvips_load_webp(VipsSource *source, double scale, int frames, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    int failed = vips_webpload_source(source, &image, CVIPS_LOADING, "scale", scale, "n", frames, "memory", TRUE, NULL);
    return failed ? NULL : image;
}

static inline VipsImage *cvips_load_png(VipsSource *source, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_pngload_source(source, &image, CVIPS_LOADING, NULL) ? NULL : image;
}

static inline VipsImage *cvips_load_gif(VipsSource *source, int frames, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_gifload_source(source, &image, CVIPS_LOADING, "n", frames, NULL) ? NULL : image;
}

static inline VipsImage *cvips_load_tiff(VipsSource *source, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_tiffload_source(source, &image, CVIPS_LOADING, NULL) ? NULL : image;
}

static inline VipsImage *cvips_load_heif(VipsSource *source, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_heifload_source(source, &image, CVIPS_LOADING, NULL) ? NULL : image;
}

static inline VipsImage *cvips_load_jxl(VipsSource *source, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_jxlload_source(source, &image, CVIPS_LOADING, "memory", TRUE, NULL) ? NULL : image;
}

static inline VipsImage *cvips_load_jp2(VipsSource *source, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_jp2kload_source(source, &image, CVIPS_LOADING, NULL) ? NULL : image;
}

static inline VipsImage *cvips_load_svg(VipsSource *source, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_svgload_source(source, &image, CVIPS_LOADING, NULL) ? NULL : image;
}

static inline VipsImage *cvips_load_pnm(VipsSource *source, VipsFailOn fail_on) {
    VipsImage *image = NULL;
    return vips_ppmload_source(source, &image, CVIPS_LOADING, "memory", TRUE, NULL) ? NULL : image;
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

static inline VipsImage *cvips_colourspace(VipsImage *image, VipsInterpretation space) {
    VipsImage *out = NULL;
    return vips_colourspace(image, &out, space, NULL) ? NULL : out;
}

static inline VipsImage *cvips_cast_ushort(VipsImage *image) {
    VipsImage *out = NULL;
    return vips_cast_ushort(image, &out, NULL) ? NULL : out;
}

static inline VipsImage *cvips_linear(VipsImage *image, double factor, double summand) {
    VipsImage *out = NULL;
    return vips_linear1(image, &out, factor, summand, NULL) ? NULL : out;
}

static inline VipsImage *cvips_join_bands(VipsImage *first, VipsImage *second) {
    VipsImage *out = NULL;
    return vips_bandjoin2(first, second, &out, NULL) ? NULL : out;
}

static inline VipsImage *cvips_three_bands(VipsImage *image) {
    VipsImage *bands[3] = {image, image, image};
    VipsImage *out = NULL;
    return vips_bandjoin(bands, &out, 3, NULL) ? NULL : out;
}

static inline VipsImage *cvips_resize(VipsImage *image, double across, double down) {
    VipsImage *out = NULL;
    return vips_resize(image, &out, across, "vscale", down, NULL) ? NULL : out;
}

static inline VipsImage *cvips_premultiply(VipsImage *image, double max_alpha) {
    VipsImage *out = NULL;
    return vips_premultiply(image, &out, "max_alpha", max_alpha, NULL) ? NULL : out;
}

static inline VipsImage *cvips_unpremultiply(VipsImage *image, double max_alpha) {
    VipsImage *out = NULL;
    return vips_unpremultiply(image, &out, "max_alpha", max_alpha, NULL) ? NULL : out;
}

static inline VipsImage *cvips_autorot(VipsImage *image) {
    VipsImage *out = NULL;
    return vips_autorot(image, &out, NULL) ? NULL : out;
}

static inline VipsImage *cvips_crop(VipsImage *image, int left, int top, int width, int height) {
    VipsImage *out = NULL;
    return vips_crop(image, &out, left, top, width, height, NULL) ? NULL : out;
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

// Lays the image over a colour of 8 bits (red, green, blue) and drops its alpha band. The vector of the background is a
// GObject, made and freed here.
static inline VipsImage *cvips_flatten(VipsImage *image, const unsigned char colour[3]) {
    VipsImage *out = NULL;
    VipsArrayDouble *background =
        vips_array_double_newv(3, (double)colour[0], (double)colour[1], (double)colour[2]);
    int failed = vips_flatten(image, &out, "background", background, NULL);
    vips_area_unref(VIPS_AREA(background));
    return failed ? NULL : out;
}

static inline int cvips_min(VipsImage *image, double *out) { return vips_min(image, out, NULL); }

static inline int cvips_max(VipsImage *image, double *out) { return vips_max(image, out, NULL); }

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

static inline int cvips_save_gif(VipsImage *image, void **bytes, size_t *count) {
    return vips_gifsave_buffer(image, bytes, count, "strip", TRUE, NULL);
}

// MARK: Signals. g_signal_connect is a macro around a function-pointer cast that Swift cannot express.

typedef void (*cvips_eval_callback)(VipsImage *image, VipsProgress *progress, void *context);

static inline gulong cvips_connect_eval(VipsImage *image, cvips_eval_callback callback, void *context) {
    return g_signal_connect_data(image, "eval", G_CALLBACK(callback), context, NULL, (GConnectFlags) 0);
}

#endif
