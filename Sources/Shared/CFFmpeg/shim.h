#ifndef MEDIA_CFFMPEG_SHIM_H
#define MEDIA_CFFMPEG_SHIM_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/buffer.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/mathematics.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

// A cast expression: the importer skips the macro.
static const int64_t shim_nopts = AV_NOPTS_VALUE;

// FFERRTAG expands to nested function-like macros.
static const int shim_error_eof = AVERROR_EOF;

// As above.
static const int shim_error_invalid_data = AVERROR_INVALIDDATA;

// As above.
static const int shim_error_exit = AVERROR_EXIT;

// As above.
static const int shim_error_stream_not_found = AVERROR_STREAM_NOT_FOUND;

// AVERROR is a function-like macro.
static const int shim_error_again = AVERROR(EAGAIN);

// The same for any errno.
static inline int shim_error(int error_number) {
    return AVERROR(error_number);
}

// AVUNERROR is a function-like macro.
static inline int shim_errno(int error_code) {
    return AVUNERROR(error_code);
}

// An array member is imported as a tuple that cannot be indexed by a variable.
static inline uint8_t *shim_frame_plane(const AVFrame *frame, int plane) {
    return frame->data[plane];
}

// As above.
static inline int shim_frame_stride(const AVFrame *frame, int plane) {
    return frame->linesize[plane];
}

// Lays a picture out in one reference-counted buffer: data[] and linesize[] are tuples in Swift.
static inline int shim_frame_fill(AVFrame *frame, AVBufferRef *buffer, int align) {
    frame->buf[0] = buffer;
    return av_image_fill_arrays(
        frame->data, frame->linesize, buffer->data, (enum AVPixelFormat)frame->format, frame->width, frame->height,
        align);
}

// sws_scale wants pointers to the first elements of data[] and linesize[].
static inline int shim_scale(struct SwsContext *scaler, const AVFrame *source, AVFrame *target) {
    return sws_scale(
        scaler, (const uint8_t *const *)source->data, source->linesize, 0, source->height, target->data,
        target->linesize);
}

// swr_convert wants pointers to the sample planes; extended_data may hold more than data[] has room for.
static inline int shim_resample(struct SwrContext *resampler, AVFrame *target, int capacity, const AVFrame *source) {
    return swr_convert(
        resampler, target->extended_data, capacity, source ? (const uint8_t **)source->extended_data : NULL,
        source ? source->nb_samples : 0);
}

// av_audio_fifo_* take void **; the cast is not expressible for an AVFrame's planes.
static inline int shim_fifo_write(AVAudioFifo *fifo, AVFrame *frame, int count) {
    return av_audio_fifo_write(fifo, (void **)frame->extended_data, count);
}

// As above.
static inline int shim_fifo_read(AVAudioFifo *fifo, AVFrame *frame, int count) {
    return av_audio_fifo_read(fifo, (void **)frame->extended_data, count);
}

// A class pointer is the first member of every object that logs; C's way to reach it is a cast.
static inline const char *shim_log_component(void *object) {
    const AVClass *type = object ? *(const AVClass *const *)object : NULL;
    return type ? type->class_name : NULL;
}

// The streams are an array of pointers behind a pointer; bounds are checked once, here.
static inline AVStream *shim_stream(const AVFormatContext *context, int index) {
    return index >= 0 && (unsigned)index < context->nb_streams ? context->streams[index] : NULL;
}

// The format's flags and names sit behind const pointers to structures with private members.
static inline int shim_input_has_discontinuities(const AVFormatContext *context) {
    return context->iformat && (context->iformat->flags & AVFMT_TS_DISCONT) != 0;
}

// The side data of a stream that a copy must keep (rotation among it), as an array of structures.
static inline int shim_copy_side_data(AVStream *target, const AVStream *source) {
    for (int index = 0; index < source->nb_side_data; index++) {
        const AVPacketSideData *item = &source->side_data[index];
        uint8_t *copy = av_stream_new_side_data(target, item->type, item->size);
        if (!copy) return AVERROR(ENOMEM);
        memcpy(copy, item->data, item->size);
    }
    return 0;
}

#endif
